import functools
import os
import shutil
import threading

import numpy as np
import pytest

from ppgan_mpr.inference import Cache, Model, Restorer, file_identity
from ppgan_mpr.networks import find_network


def test_payload_is_found_under_its_key_only(cache):
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
def test_damaged_files_are_ignored(cache, tmp_path, damage):
    cache.store(b"content", "a")
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load("a") is None
    cache.store(b"content", "a")
    assert cache.load("a") == b"content"


def test_folder_that_cannot_be_written_causes_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file")
    cache.store(b"content", "a")
    assert cache.load("a") is None


def test_readers_see_complete_entries_while_others_write(cache):
    threads = [
        threading.Thread(target=cache.store, args=(b"same" * 100_000, "a")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert cache.load("a") in (None, b"same" * 100_000)
    assert cache.load("a") == b"same" * 100_000


def test_the_least_recently_used_are_deleted_first(tmp_path):
    cache = Cache(tmp_path, limit=3000)
    for age, name in ((300, "old"), (200, "older but used"), (100, "new")):
        cache.store(bytes(1000), name)
        os.utime(cache.path(name), (1e9 - age, 1e9 - age))
    cache.load("older but used")
    cache.store(bytes(1000), "newest")
    assert cache.load("old") is None
    assert cache.load("older but used") is not None


def test_temporary_files_of_killed_writers_are_removed(cache, tmp_path):
    cache.store(b"1", "a")
    abandoned, written = (tmp_path / "cache" / f".{name}.tmp" for name in ("old", "new"))
    for path in (abandoned, written):
        path.write_bytes(b"half")
    os.utime(abandoned, (1e9, 1e9))
    cache.store(b"1", "b")
    assert not abandoned.exists()
    assert written.exists()


def test_identity_changes_with_the_file(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    first = file_identity(path)
    assert file_identity(path) == first
    path.write_bytes(b"22")
    assert file_identity(path) != first


def test_a_renamed_file_is_ignored(cache):
    """A copied or renamed file holds another network."""
    cache.store(b"one network", "a")
    cache.store(b"another network", "b")
    shutil.copy(cache.path("b"), cache.path("a"))
    assert cache.load("a") is None
    assert cache.load("b") == b"another network"


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_facts_that_are_not_a_dictionary_are_ignored(cache, content):
    cache.store(content, "facts")
    assert cache.load_facts("facts") is None


class KeysCache(Cache):
    """Remembers the keys under which something was stored."""

    def __init__(self, folder):
        super().__init__(folder)
        self.keys = []

    def store(self, payload, *key):
        self.keys.append(key)
        super().store(payload, *key)


@pytest.fixture(scope="module")
def build_model():
    """A function: cache → model of the network that is exported fastest."""
    spec = find_network("NAFNet")
    network = spec.build({"width": 4, "enc_blk_nums": (1,), "middle_blk_num": 1,
                          "dec_blk_nums": (1,)})  # fmt: skip
    for parameter in network.parameters():
        parameter.set_value(parameter + 0.05)  # so that every layer has an effect
    network.eval()
    return lambda cache: Model("small", spec, lambda: network, cache)


@pytest.fixture(scope="module")
def restored_and_keys(build_model, photo, tmp_path_factory):
    """A function: backend → the result with an empty cache, and the keys stored in it."""

    @functools.cache
    def restore(backend):
        cache = KeysCache(tmp_path_factory.mktemp("sound"))
        return Restorer(build_model(cache), backend=backend)(photo), cache.keys

    return restore


@pytest.mark.parametrize("garbage", [b"no network", b"", b'{"floats_per_pixel": "many"}', b"{}"])
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_invalid_cached_networks_are_exported_and_compiled_again(
    build_model, photo, cache, restored_and_keys, backend, garbage
):
    pytest.importorskip(backend)
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    expected, keys = restored_and_keys(backend)
    assert keys
    for key in keys:  # valid files with useless content
        cache.store(garbage, *key)
    for _ in range(2):  # the second time with what the first has stored
        np.testing.assert_array_equal(
            Restorer(build_model(cache), backend=backend)(photo), expected
        )


def test_an_unusable_folder_is_named_once(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "networks")
    for key in "ab":
        assert cache.load(key) is None
        cache.store(b"content", key)
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"{tmp_path / 'file' / 'networks'} cannot be read (Not a directory)" in message
    assert "PPGAN_MPR_HOME" in message


def test_without_a_home_directory_nothing_is_cached_and_a_warning_says_so(monkeypatch, caplog):
    def homeless(name):
        raise RuntimeError("no home directory")

    monkeypatch.delenv("PPGAN_MPR_HOME")
    monkeypatch.setattr("platformdirs.user_cache_dir", homeless)
    cache = Cache.of_user()
    cache.store(b"content", "a")
    assert cache.load("a") is None
    (message,) = [record.getMessage() for record in caplog.records]
    assert "no home directory" in message
    assert "PPGAN_MPR_HOME" in message


def test_a_read_only_cache_is_read_but_not_changed(cache, tmp_path):
    cache.store(b"content", "a")
    (path,) = (tmp_path / "cache").iterdir()
    os.utime(path, (0, 0))
    reading = Cache(tmp_path / "cache", read_only=True)
    assert reading.load("a") == b"content"
    reading.store(b"content", "b")
    assert [*(tmp_path / "cache").iterdir()] == [path]
    assert path.stat().st_mtime == 0
