from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import types

import pytest

from ppgan_mpr.files import atomic_place, atomic_write, locked, remove_leftovers


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
    def refuse(*_, **__):
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


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "absent" / "a"):
        pass


@pytest.fixture(params=["unnamed", "hidden"])
def way(request, monkeypatch):
    """Both ways to write: files without a name until they are complete (Linux), or hidden files."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


def without_links(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EPERM, "vfat"),
        OSError(errno.ENOTSUP, "a network share"),
        AttributeError("Android"),
        None,
    ],
)
@pytest.mark.parametrize("reserve", [True, False], ids=["reserve", "rename"])
def test_placement_is_exclusive_without_links(tmp_path, monkeypatch, way, error, reserve):
    """By the system's exclusive rename, or, if there is none, by reserving the name."""
    if error is None:
        monkeypatch.delattr(os, "link")
    else:
        without_links(monkeypatch, error)
    if reserve:
        monkeypatch.setitem(sys.modules, "ctypes", types.SimpleNamespace(CDLL=no_library))
    with atomic_write(tmp_path / "a", exclusive=True) as file:
        file.write(b"mine")
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "a", exclusive=True) as file:
        file.write(b"another's")
    assert (tmp_path / "a").read_bytes() == b"mine"
    with atomic_write(tmp_path / "a") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def no_library(*_, **__):
    raise OSError("no library")


@pytest.mark.parametrize("reserve", [True, False], ids=["reserve", "rename"])
def test_file_that_appears_before_the_rename_is_kept(tmp_path, monkeypatch, way, reserve):
    """Another process places its file between the check and the rename."""
    without_links(monkeypatch, OSError(errno.EPERM, "vfat"))
    if reserve:
        monkeypatch.setitem(sys.modules, "ctypes", types.SimpleNamespace(CDLL=no_library))
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # the check finds no file yet
    (tmp_path / "a").write_bytes(b"another's")
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "a", exclusive=True) as file:
        file.write(b"mine")
    assert (tmp_path / "a").read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["a"]


def test_failed_rename_frees_the_reserved_name(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    without_links(monkeypatch, OSError(errno.EPERM, "vfat"))
    monkeypatch.setitem(sys.modules, "ctypes", types.SimpleNamespace(CDLL=no_library))
    monkeypatch.setattr(os, "replace", full)
    placing = atomic_write(tmp_path / "a", exclusive=True)
    with pytest.raises(OSError, match="No space left"), placing as file:
        file.write(b"mine")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_file_has_its_mode_from_the_first_byte_on(tmp_path, monkeypatch, way, links, exclusive):
    if not links:
        without_links(monkeypatch, OSError(errno.EPERM, "vfat"))
    with atomic_write(tmp_path / "a", exclusive, mode=0o600) as file:
        file.write(b"private")
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("exclusive", [True, False])
def test_content_is_on_the_disk_before_it_has_a_name(tmp_path, monkeypatch, way, exclusive):
    synced = []
    sync = os.fsync

    def note(descriptor):
        status = os.fstat(descriptor)
        kind = "folder" if stat.S_ISDIR(status.st_mode) else status.st_size
        synced.append((kind, (tmp_path / "a").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with atomic_write(tmp_path / "a", exclusive) as file:
        file.write(b"content")
    assert synced[0] == (7, False)
    if os.name != "nt":
        assert synced[-1] == ("folder", True)


def test_disk_that_is_full_when_the_file_is_synced_is_an_error(tmp_path, monkeypatch, way):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), atomic_write(tmp_path / "a") as file:
        file.write(b"content")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs files without a name")
@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGKILL", 9)])
def test_killed_process_leaves_nothing(tmp_path, number):
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("this Python has no O_TMPFILE")
    script = (
        "import sys, time; from ppgan_mpr.files import atomic_write\n"
        f"with atomic_write({str(tmp_path / 'a')!r}) as file:\n"
        "    file.write(b'x' * 100000); file.flush(); print('written', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        process.send_signal(number)
        assert process.wait() == -number
    assert os.listdir(tmp_path) == []


@pytest.fixture(params=["device", "pipe", "socket"])
def special(request, tmp_path, monkeypatch):
    """A path that is not an ordinary file."""
    path = tmp_path / "special"
    if request.param == "device":
        path.symlink_to(os.devnull)  # a link, so that a bug cannot destroy the device
    elif request.param == "pipe":
        os.mkfifo(path)
    else:
        monkeypatch.chdir(tmp_path)  # paths of sockets must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    return path


@pytest.mark.skipif(os.name != "posix", reason="no such files there")
@pytest.mark.parametrize("write", [atomic_write, atomic_place])
def test_devices_pipes_and_sockets_are_never_replaced(special, write):
    before = os.lstat(special)
    with pytest.raises(OSError, match="a device, a pipe or a socket"), write(special):
        pytest.fail("it must be refused before the block runs")
    assert os.path.samestat(os.lstat(special), before)
    assert os.listdir(special.parent) == ["special"]


def test_leftovers_of_killed_processes_are_removed_after_an_hour(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with atomic_write(tmp_path / "a") as file:
        (name,) = os.listdir(tmp_path)  # the file that a killed process would leave
        file.write(b"x")
    for suffix in ("old", "new"):
        (tmp_path / f".{suffix}{name[5:]}").write_bytes(b"half")
    (tmp_path / ".mine.tmp").write_bytes(b"not ours")
    for path in tmp_path.iterdir():
        if "new" not in path.name:
            os.utime(path, (1, 1))
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([".mine.tmp", f".new{name[5:]}", "a"])
    remove_leftovers(tmp_path / "absent")


def test_lock_that_is_held_is_reported_without_waiting(tmp_path):
    with (tmp_path / "a").open("wb") as one, (tmp_path / "a").open("wb") as other:
        with locked(one), locked(other, wait=False) as free:
            assert not free
        one.close()
        with locked(other, wait=False) as free:
            assert free


@pytest.mark.parametrize("wait", [True, False])
def test_windows_lock_is_waited_for_only_if_asked(monkeypatch, wait):
    attempts = []

    def lock(_, mode, __):
        if mode == 0:
            return
        attempts.append(mode)
        if len(attempts) < 4:  # held; the mode that waits fails after ten seconds
            raise OSError(errno.EDEADLK if mode == 1 else errno.EACCES, "locked")

    constants = {"LK_UNLCK": 0, "LK_LOCK": 1, "LK_NBLCK": 2}
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=lock, **constants))
    file = types.SimpleNamespace(seek=lambda _: None, fileno=lambda: 7)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        with locked(file, wait) as free:
            pass
    assert (free, len(attempts)) == ((True, 4) if wait else (False, 1))
