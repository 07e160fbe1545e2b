"""A lock of a run's folder, so that no two processes continue the same run."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import IO

from ..errors import UsageError

LOCK_FILE = ".lock"


class RunLock:
    """Locks a folder inside a ``with`` block.

    The operating system releases the lock when the process ends in any way: a killed run leaves a
    file but no lock. On file systems without locks nothing is locked.

    Args:
        folder: folder of the run; it must exist.

    Raises:
        UsageError: when the block is entered, if another process has locked the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> RunLock:
        file = (self._folder / LOCK_FILE).open("a+", encoding="utf-8")
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise UsageError(
                f"{self._folder} is in use by {holder}: wait until that run ends, or stop it."
            ) from None
        self._file = file
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()  # this also releases the lock
            self._file = None


def _lock(file: IO[str]) -> None:
    """Lock a file without waiting; raises BlockingIOError if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        # Locked bytes cannot be read, so a byte far behind the name of the holder is locked.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # the file system has no locks
        return
