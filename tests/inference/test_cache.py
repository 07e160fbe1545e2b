import os
import threading

import pytest

from ppgan_mpr.inference import Cache, file_identity


def test_what_is_stored_comes_back_under_its_key_only(cache):
    assert cache.load("a", 1) is None
    cache.store(b"content", "a", 1)
    assert cache.load("a", 1) == b"content"
    assert cache.load("a", 2) is None
    cache.store_facts({"x": 1.5}, "facts")
    assert cache.load_facts("facts") == {"x": 1.5}


DAMAGES = {
    "cut short": lambda content: content[:-3],
    "cut to a stub": lambda content: content[:5],
    "empty": lambda content: b"",
    "longer": lambda content: content + b"x",
    "altered": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_as_good_as_absent(cache, tmp_path, damage):
    cache.store(b"content", "a")
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load("a") is None
    cache.store(b"content", "a")
    assert cache.load("a") == b"content"


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file")
    cache.store(b"content", "a")
    assert cache.load("a") is None


def test_readers_see_whole_entries_while_others_write(cache):
    threads = [
        threading.Thread(target=cache.store, args=(b"same" * 100_000, "a")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert cache.load("a") in (None, b"same" * 100_000)
    assert cache.load("a") == b"same" * 100_000


def test_the_longest_unused_go_first(tmp_path):
    cache = Cache(tmp_path, limit=3000)
    for age, name in ((300, "old"), (200, "older but used"), (100, "new")):
        cache.store(bytes(1000), name)
        os.utime(cache.path(name), (1e9 - age, 1e9 - age))
    cache.load("older but used")
    cache.store(bytes(1000), "newest")
    assert cache.load("old") is None
    assert cache.load("older but used") is not None


def test_what_killed_writers_left_is_removed(cache, tmp_path):
    cache.store(b"1", "a")
    abandoned, written = (tmp_path / "cache" / f".{name}.tmp" for name in ("old", "new"))
    for path in (abandoned, written):
        path.write_bytes(b"half")
    os.utime(abandoned, (1e9, 1e9))
    cache.store(b"1", "b")
    assert not abandoned.exists()
    assert written.exists()


def test_identity_follows_the_file(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    first = file_identity(path)
    assert file_identity(path) == first
    path.write_bytes(b"22")
    assert file_identity(path) != first
