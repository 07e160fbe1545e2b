import os

import pytest
from cluster_samples import files_below
from s3_server import S3Server

from ppgan_mpr.cluster.stores import Store, joined


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("pyarrow")
    pytest.importorskip("moto.moto_server", reason="moto is not installed: no S3 server")
    before = dict(os.environ)
    started = S3Server()
    yield started
    started.close()
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    """An empty store of either kind."""
    if request.param == "folder":
        return Store.at(str(tmp_path / "store"))
    return Store.at(request.getfixturevalue("server").address(tmp_path.name))


def test_written_files_are_listed_and_read(store):
    store.write("a/b.bin", b"content")
    store.write("c.bin", b"")
    folders = list(store.folders())
    assert [entry.name for entries in folders for entry in entries] == ["c.bin", "a/b.bin"]
    assert store.read("a/b.bin") == b"content"
    assert store.find("a/b.bin").nbytes == 7
    assert store.find("a") is None and store.find("missing") is None


@pytest.mark.parametrize("name", ["IMG#1.png", "what?.png", "a?b=1", "a#b?c=d&e/f?.png", "100%23"])
def test_characters_with_a_meaning_in_addresses_are_allowed_in_names(store, name):
    store.write(f"D/{name}", b"content")
    store.write("D/IMG#2.png", b"another")
    found = {entry.name for entries in store.folders("D") for entry in entries}
    assert found == {f"D/{name}", "D/IMG#2.png"}
    assert store.find(f"D/{name}").nbytes == 7 and store.read(f"D/{name}") == b"content"
    assert store.name_of(store.shown_as(f"D/{name}")) == f"D/{name}"
    assert store.shown_as(f"D/{name}").endswith(name)
    store.remove(f"D/{name}")
    assert store.find(f"D/{name}") is None and store.find("D/IMG#2.png")


def test_file_can_be_replaced_and_removed(store):
    store.write("a.bin", b"old")
    store.write("a.bin", b"new")
    assert store.read("a.bin") == b"new"
    store.remove("a.bin")
    store.remove("a.bin")
    assert store.find("a.bin") is None


def test_empty_folders_are_removed_and_others_stay(store):
    for name in ("state/parts/a.bin", "state/b.bin", "c.bin"):
        store.write(name, b"content")
    for name in ("state/parts/a.bin", "state/parts", "state"):
        store.remove(name) if name.endswith(".bin") else store.remove_empty(name)
    assert store.listed("") == ([store.find("c.bin")], ["state"])
    assert store.listed("state") == ([store.find("state/b.bin")], [])
    store.remove("state/b.bin")
    store.remove_empty("state")
    assert store.listed("") == ([store.find("c.bin")], [])


def test_missing_folder_has_no_files(store):
    assert [entries for entries in store.folders("nowhere") if entries] == []


def test_name_is_recovered_from_the_shown_place(store):
    assert store.name_of(store.shown_as("a/b.bin")) == "a/b.bin"


def test_failing_requests_are_repeated():
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    class Failing(MemoryFileSystem):
        """Fails at the first of equal requests."""

        protocol, seen = "failing", set()

        def open(self, path, mode="rb", **options):
            if (path, mode) not in self.seen:
                self.seen.add((path, mode))
                raise OSError("Slow Down")
            return super().open(path, mode, **options)

    fsspec.register_implementation("failing", Failing, clobber=True)
    store = Store.at("failing://place")
    store.write("a.bin", b"content")
    assert store.read("a.bin") == b"content"
    assert len(Failing.seen) == 2


def test_missing_object_is_an_error(server):
    with pytest.raises(FileNotFoundError):
        Store.at(server.address("none")).read("missing.png")


def test_failed_write_leaves_the_old_file(tmp_path):
    store = Store.at(str(tmp_path / "store"))
    store.write("a.bin", b"old")
    with pytest.raises(TypeError):
        store.write("a.bin", 7)
    assert files_below(tmp_path) == {"store/a.bin": b"old"}


def test_options_of_an_address_stay_at_its_end():
    assert joined("s3://bucket/in?region=x", "a.png") == "s3://bucket/in/a.png?region=x"


def test_options_and_passwords_of_an_address_are_not_shown(server):
    pytest.importorskip("pyarrow")
    store = Store.at(server.address("x").replace("s3://", "s3://me:secret@"))
    assert store.shown_as("a.png") == "s3://bucket/x/a.png"
    store.write("a.png", b"content")
    assert server.files("x") == {"a.png": b"content"}
