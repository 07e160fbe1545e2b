"""A cache of decoded pictures, in memory that all processes of a machine share."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..imaging.header import Header
from .packed import find_packed

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module or None

logger = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "ppgan_mpr-", ".pixels"
_MEMORY_FOLDER = Path("/dev/shm")  # Linux keeps its files in memory


class DecodedCache:
    """A cache of as many decoded pictures of a data set as fit, starting with the first.

    Each epoch needs every picture once, in random order. So all choices of pictures are equally
    good, and a stored picture is never replaced. The pixels are in a memory-mapped file, which all
    processes that read the same pictures share: workers, and the training processes of several
    GPUs. Memory is taken when a picture is stored. The last process removes the file. Files of
    killed processes are removed by the next cache. Where files cannot be shared (Windows), or the
    folder has no room, each process shares its memory only with its workers.

    Args:
        pictures: path and header of every picture, in the order of their numbers.
        limit: largest number of bytes.
        folder: folder of the file; default: memory (``/dev/shm``), or else the folder of temporary
            files.
    """

    def __init__(
        self,
        pictures: Sequence[tuple[Path, Header]],
        limit: int,
        folder: str | Path | None = None,
    ):
        self._headers = [header for _, header in pictures]
        ends = np.cumsum([header.nbytes for header in self._headers], dtype=np.int64)
        self._count = int(np.searchsorted(ends, limit, side="right"))
        self._starts = np.concatenate([[0], ends])[: self._count + 1]
        # The file starts with one byte for each picture, which is 1 if it is stored. Pixels follow.
        size = max(1, self._count + int(self._starts[-1]))
        self._file: int | None = None
        if folder is None:
            folder = _MEMORY_FOLDER if _MEMORY_FOLDER.is_dir() else tempfile.gettempdir()
        if fcntl is not None and self._count:
            name = _fingerprint(pictures[: self._count])
            self._file = _open_shared(Path(folder) / f"{_PREFIX}{name}{_SUFFIX}", size, self)
        self._memory = mmap.mmap(-1 if self._file is None else self._file, size)

    def __len__(self) -> int:
        """Number of pictures that fit into the cache."""
        return self._count

    @property
    def shared(self) -> bool:
        """Whether other processes of this machine use the same memory."""
        return self._file is not None

    def get(self, number: int) -> np.ndarray | None:
        """The read-only pixels [H, W, 3] of a picture, or None if they are not stored."""
        if number >= self._count or not self._stored(number):
            return None
        pixels = self._slot(number)
        pixels.flags.writeable = False
        return pixels

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Store the pixels of a picture if there is room."""
        if number >= self._count or pixels.nbytes != self._headers[number].nbytes:
            return
        if self._file is not None:
            start = self._count + int(self._starts[number])
            try:  # in a full folder this fails, but writing to the map would kill the process
                _reserve(self._file, start, pixels.nbytes)
            except OSError:
                return
        # Two processes may store the same picture at once, as they write the same bytes.
        self._slot(number)[:] = pixels
        if self._file is None:
            self._memory[number] = 1
        else:  # by a system call, so that the flag is set after the pixels are written to the map
            os.pwrite(self._file, b"\1", number)

    def _stored(self, number: int) -> bool:
        if self._file is None:
            return bool(self._memory[number])
        return os.pread(self._file, 1, number) == b"\1"

    def _slot(self, number: int) -> np.ndarray:
        header = self._headers[number]
        return np.ndarray(
            (header.height, header.width, 3),
            np.uint16 if header.itemsize == 2 else np.uint8,
            buffer=self._memory,
            offset=self._count + int(self._starts[number]),
        )


def _fingerprint(pictures: Iterable[tuple[Path, Header]]) -> str:
    """A name that identifies these files and their current content."""
    digest = hashlib.sha256(str(os.getuid()).encode())
    for path, header in pictures:
        found = find_packed(path)
        status = (found[0].path if found else path).stat()
        facts = (str(path.absolute()), *header, status.st_size, status.st_mtime_ns)
        digest.update(repr(facts).encode())
    return digest.hexdigest()[:32]


def _open_shared(path: Path, size: int, owner: DecodedCache) -> int | None:
    """Open or create the file of a cache; returns None if that fails.

    Every process that uses it holds a shared lock, which the system releases when the process ends
    in any way.
    """
    try:
        _remove_abandoned(path.parent)
        while True:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_SH)
            with contextlib.suppress(FileNotFoundError):
                if os.fstat(file).st_ino == path.stat().st_ino:
                    break
            os.close(file)  # another process has just removed it
        if os.fstat(file).st_size != size:
            if shutil.disk_usage(path.parent).free < size:
                logger.warning(
                    "%s has no room for a shared cache of %.1f GB: each training process keeps its "
                    "own cache",
                    path.parent,
                    size / 1e9,
                )
                _release(file, path, os.getpid())
                return None
            os.ftruncate(file, size)
    except OSError as error:
        logger.warning("The cache cannot be shared between training processes: %s", error)
        return None
    weakref.finalize(owner, _release, file, path, os.getpid())
    return file


def _remove_abandoned(folder: Path) -> None:
    """Remove the files of caches that no process uses."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # in use, of another user, or already removed
            file = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


def _release(file: int, path: Path, process: int) -> None:
    """Stop using the file of a cache, and remove it if no other process uses it."""
    if os.getpid() != process:  # a forked worker, which must not unlock its parent's file
        return
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    with contextlib.suppress(OSError):
        os.close(file)


def _reserve(file: int, start: int, size: int) -> None:
    """Reserve disk space for a part of a file.

    Raises:
        OSError: there is no space.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, size)
