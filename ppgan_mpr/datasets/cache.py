"""Decoded pictures in memory that all processes of a machine share."""

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
    fcntl = None  # type: ignore[assignment]  # a module, or none

logger = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "ppgan_mpr-", ".pixels"
_MEMORY_FOLDER = Path("/dev/shm")  # of Linux: its files are memory


class DecodedCache:
    """Keeps the first pictures of a data set decoded, as many as fit.

    Every picture of a shuffled epoch is needed once, so no choice of pictures to keep is better
    than another and nothing is ever thrown out. The pixels are in a memory-mapped file, which
    all processes that read the same pictures share: workers, and the training processes of
    several GPUs. Its pages are taken when a picture is stored. The last process removes it; what
    processes that were killed leave behind, the next cache removes. Where files cannot be shared
    (Windows), or the folder has no room, a process shares its memory with its workers alone.

    Args:
        pictures: path and header of every picture, in the order of their numbers.
        limit: bytes to use at most.
        folder: for the file; default: memory (``/dev/shm``), or the folder of temporary files
            where there is none.
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
        # First one byte for each picture, 1 where it is stored; then the pixels.
        size = max(1, self._count + int(self._starts[-1]))
        self._file: int | None = None
        if folder is None:
            folder = _MEMORY_FOLDER if _MEMORY_FOLDER.is_dir() else tempfile.gettempdir()
        if fcntl is not None and self._count:
            name = _fingerprint(pictures[: self._count])
            self._file = _open_shared(Path(folder) / f"{_PREFIX}{name}{_SUFFIX}", size, self)
        self._memory = mmap.mmap(-1 if self._file is None else self._file, size)

    def __len__(self) -> int:
        """Number of pictures that fit."""
        return self._count

    @property
    def shared(self) -> bool:
        """Whether other processes of this machine use the same memory."""
        return self._file is not None

    def get(self, number: int) -> np.ndarray | None:
        """The pixels [H, W, 3] of a picture, read-only, or None where they are not stored."""
        if number >= self._count or not self._stored(number):
            return None
        pixels = self._slot(number)
        pixels.flags.writeable = False
        return pixels

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Store the pixels of a picture if there is room for it."""
        if number >= self._count or pixels.nbytes != self._headers[number].nbytes:
            return
        if self._file is not None:
            start = self._count + int(self._starts[number])
            try:  # a full folder is an error here; writing to the map would end the process
                _reserve(self._file, start, pixels.nbytes)
            except OSError:
                return
        # Two processes may store the same picture at once: they write the same bytes.
        self._slot(number)[:] = pixels
        # The system orders its own calls after what this process wrote to the map.
        if self._file is None:
            self._memory[number] = 1
        else:
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
    """A name for these files as they are now."""
    digest = hashlib.sha256(str(os.getuid()).encode())
    for path, header in pictures:
        found = find_packed(path)
        status = (found[0].path if found else path).stat()
        facts = (str(path.absolute()), *header, status.st_size, status.st_mtime_ns)
        digest.update(repr(facts).encode())
    return digest.hexdigest()[:32]


def _open_shared(path: Path, size: int, owner: DecodedCache) -> int | None:
    """Open the file of a cache, or make it; None where that fails.

    Every user holds a shared lock, which the system gives up with the process, however it ends.
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
                    "%s has no room for a cache of %.1f GB that processes share: each training "
                    "process keeps its own",
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
        with contextlib.suppress(OSError):  # another user's, or gone
            file = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


def _release(file: int, path: Path, process: int) -> None:
    """Stop using a file, and remove it if nobody else uses it."""
    if os.getpid() != process:  # a worker, which ends with its own copy
        return
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    with contextlib.suppress(OSError):
        os.close(file)


def _reserve(file: int, start: int, size: int) -> None:
    """Take room in a file.

    Raises:
        OSError: there is none.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, start, size)
