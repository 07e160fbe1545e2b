from __future__ import annotations

import os

import pytest

from ppgan_mpr.files import atomic_place, atomic_write


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_failure_keeps_the_earlier_file_and_leaves_nothing_beside_it(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"earlier")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_exclusive_write_never_replaces_a_file(tmp_path, monkeypatch, links):
    def refuse(*_):
        raise PermissionError("a file system without hard links")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    with atomic_write(tmp_path / "new", exclusive=True) as file:
        file.write(b"mine")
    assert (tmp_path / "new").read_bytes() == b"mine"
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "new", exclusive=True) as file:
        file.write(b"another's")
    assert (tmp_path / "new").read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["new"]


def test_block_may_create_the_file_itself(tmp_path):
    (tmp_path / "source").write_bytes(b"linked")
    with atomic_place(tmp_path / "placed") as temporary:
        os.link(tmp_path / "source", temporary)
    assert (tmp_path / "placed").samefile(tmp_path / "source")


def test_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "absent" / "a"):
        pass
