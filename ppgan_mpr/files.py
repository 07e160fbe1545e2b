"""Atomic, durable writes (a file appears complete or not at all) and file locks."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

#: Ending of the hidden temporary files, which are renamed when they are complete.
TEMPORARY = ".ppgan_mpr.tmp"
_LEFT_OVER = 3600.0  # seconds without a change after which a temporary file counts as abandoned
# Windows makes a locked byte unreadable, so the lock is on a byte beyond the end of the file.
_LOCKED_BYTE = 1 << 62
_LOCK_PAUSE = 0.1  # seconds between attempts to lock a file on Windows
# Errors of file systems that cannot sync.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF}


@contextlib.contextmanager
def atomic_write(
    path: str | os.PathLike[str], exclusive: bool = False, mode: int = 0o666
) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` when the block succeeds.

    The content is on the disk before the file gets its name. If the block fails or is interrupted,
    ``path`` stays as it was and no other file is left. On most file systems of Linux, the new file
    has no name until it is complete, so that even a killed process leaves nothing. Elsewhere it is
    a hidden file; if the process is killed, :func:`remove_leftovers` removes it later.

    Args:
        path: the file to write.
        exclusive: fail if ``path`` exists.
        mode: permission bits of the new file; the umask applies.

    Raises:
        OSError: the folder cannot be written, or ``path`` is a device, a pipe or a socket.
        FileExistsError: ``path`` exists, and ``exclusive`` is set.
    """
    path = Path(path)
    if not exclusive:
        check_replaceable(path)
    mode = mode if os.name == "posix" else 0o666  # Windows knows only "read-only"
    unnamed = _open_unnamed(path.parent, mode)
    if unnamed is None:
        with _placed(path, exclusive) as temporary:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with open(os.open(temporary, flags, mode), "wb") as file:
                yield file
                _sync(file)
        return
    with open(unnamed, "wb") as file:
        yield file
        _sync(file)
        _name(file.fileno(), path, exclusive)
    _sync_folder(path.parent)


@contextlib.contextmanager
def atomic_place(path: str | os.PathLike[str], exclusive: bool = False) -> Iterator[Path]:
    """As :func:`atomic_write`, but the block gets a temporary path and creates the file itself."""
    if not exclusive:
        check_replaceable(path)
    with _placed(Path(path), exclusive) as temporary:
        yield temporary
        # Windows syncs only files that are open for writing. Elsewhere the file may be read-only.
        with open(temporary, "r+b" if os.name == "nt" else "rb") as file:
            _sync(file)


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse to replace a device, a pipe or a socket, or a link to one, with a file.

    Raises:
        OSError: ``path`` is one of these.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # there is no such file, or writing it will raise the error
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        reason = "it is a device, a pipe or a socket, which cannot be replaced by a file"
        raise OSError(errno.EINVAL, reason, os.fspath(path))


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove temporary files that have not changed for an hour: their processes were killed."""
    before = time.time() - _LEFT_OVER
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(TEMPORARY):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        os.unlink(entry.path)


@contextlib.contextmanager
def locked(file: BinaryIO, wait: bool = True) -> Iterator[bool]:
    """Lock a file while the block runs; other callers of :func:`locked` wait for it.

    If the file system has no locks, nobody waits.

    Args:
        file: open for writing. Close it soon after the block: that ends the lock, except on
            Windows, where it ends with the block.
        wait: wait while another caller holds the lock.

    Yields:
        False if another caller holds the lock and ``wait`` is false, else True.
    """
    if os.name == "nt":
        import msvcrt

        try:
            yield _lock_byte(file, wait)
        finally:
            with contextlib.suppress(OSError):
                file.seek(_LOCKED_BYTE)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        free = True
        try:  # the lock lasts until the file is closed
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            free = False
        except OSError:  # no locks here
            pass
        yield free


def _lock_byte(file: BinaryIO, wait: bool) -> bool:
    """Lock a file on Windows; False if another caller holds the lock and ``wait`` is false."""
    import msvcrt

    mode = msvcrt.LK_NBLCK  # type: ignore[attr-defined] # LK_LOCK waits ten seconds, then fails
    while True:
        try:
            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), mode, 1)  # type: ignore[attr-defined]
            return True
        except OSError as error:
            if error.errno != errno.EACCES:  # no locks here
                return True
        if not wait:
            return False
        time.sleep(_LOCK_PAUSE)


@contextlib.contextmanager
def _placed(path: Path, exclusive: bool) -> Iterator[Path]:
    temporary = _beside(path)
    try:
        yield temporary
        if exclusive:
            _rename_exclusively(temporary, path)
        else:
            temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}{TEMPORARY}")


def _open_unnamed(folder: Path, mode: int) -> int | None:
    """The descriptor of a new file in the folder that has no name; None if not supported."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, flag | os.O_WRONLY, mode)
    except OSError:  # not supported, or a problem that a file with a name will raise, too
        return None


def _name(descriptor: int, path: Path, exclusive: bool) -> None:
    """Give an open file that has no name the name ``path``."""
    source = f"/proc/self/fd/{descriptor}"
    try:
        if exclusive:
            _link_open_file(source, path)
            return
        temporary = _beside(path)
        try:
            _link_open_file(source, temporary)
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):  # no links here: copy it
        with _placed(path, exclusive) as temporary:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            named = os.open(temporary, flags, os.fstat(descriptor).st_mode & 0o777)
            with open(source, "rb") as data, open(named, "wb") as file:
                shutil.copyfileobj(data, file)
                _sync(file)


def _link_open_file(source: str, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:  # Python follows the link in /proc only if it gets a folder's descriptor (linkat)
        os.link(source, path.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _rename_exclusively(source: Path, path: Path) -> None:
    """Give a file a new name unless that is taken; works without hard links, too.

    With hard links, the old name remains; the caller removes it.

    Raises:
        FileExistsError: the name is taken.
    """
    if os.name == "nt":
        os.rename(source, path)  # on Windows it never replaces a file
        return
    try:
        os.link(source, path)
        return
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):
        if os.path.lexists(path):
            raise _taken(path) from None
    if _rename_without_replacing(source, path):
        return
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))  # reserves the name
    try:
        os.replace(source, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _rename_without_replacing(source: Path, path: Path) -> bool:
    """Ask the operating system for an exclusive rename; False if it has none."""
    import ctypes

    old, new = os.fsencode(source), os.fsencode(path)
    try:
        system = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            failed = system.renamex_np(old, new, 4)  # RENAME_EXCL
        else:
            failed = system.renameat2(-100, old, -100, new, 1)  # AT_FDCWD, RENAME_NOREPLACE
    except (AttributeError, OSError, TypeError):
        return False
    number = ctypes.get_errno()
    if failed and number == errno.EEXIST:
        raise _taken(path)
    return not failed


def _sync(file: BinaryIO) -> None:
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _UNSUPPORTED:  # a full disk may show only here
            raise


def _sync_folder(folder: Path) -> None:
    """Write a folder's new names to the disk, if the system lets folders be opened."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):  # the file's content has been synced already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
