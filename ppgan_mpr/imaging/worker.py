"""The process in which :class:`.reader.PhotoReader` decodes files, one by one within limits."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ImageError, MissingDependencyError
from .frames import receive, send
from .limits import Limits
from .read import decode_photo, read_bytes

# Memory for a decoder and the conversions after it, as a multiple of the decoded pixels, and bytes
# for libraries that are loaded meanwhile.
_COPIES_HELD, _LIBRARIES = 8, 1 << 30
_LARGE_FILE = 1 << 24  # bytes; smaller files are negligible beside their pixels
_GRACE = 10  # seconds for the parent process to end this one first, as it can report why


def main() -> None:
    """Answer requests from standard input on standard output until the input ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # text that a decoder prints must not mix with the answers
    memory = _MemoryLimit()
    send(answers, "ready")
    while True:
        try:
            request = receive(sys.stdin.buffer)
        except EOFError:
            return
        with contextlib.suppress(BrokenPipeError):
            send(answers, _answer(request, answers, memory))
        _alarm(0)


def _answer(request: dict[str, Any], answers: BinaryIO, memory: _MemoryLimit) -> Any:
    """The photo that a request asks for, or ``(kind of error, message)``."""
    limits = Limits(request["nbytes"], request["seconds"])
    data, name = request["data"], request["name"]

    def check_size(
        width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> None:
        memory.lift()  # otherwise only the memory below this limit would count as free
        needed = limits.memory_for(width, height, channels, itemsize, coefficients)
        nbytes = width * height * channels * itemsize
        _wait_for_memory(answers, nbytes, needed)
        limits.check_size(width, height, channels, itemsize, coefficients)
        memory.allow(_COPIES_HELD * nbytes + 2 * len(data))
        _alarm(limits.time_for(nbytes))

    _alarm(limits.time_for(0))
    try:
        if data is None:
            nbytes = _size(request["path"])
            if nbytes > _LARGE_FILE:
                _wait_for_memory(answers, 0, nbytes)
                _alarm(limits.time_for(0))
            data = read_bytes(Path(request["path"]), limits, name)
        memory.allow(2 * len(data))
        return decode_photo(data, name, request["suffix"], check_size)
    except (ImageError, MissingDependencyError) as error:
        return type(error).__name__, str(error)
    finally:
        memory.lift()


def _wait_for_memory(answers: BinaryIO, nbytes: int, needed: int) -> None:
    """Wait until other pictures leave enough memory for this one.

    Args:
        answers: to the parent process, which knows about the other pictures.
        nbytes: of decoded pixels, 0 if not known yet; the time limit follows from them.
        needed: bytes that this process is going to hold.
    """
    _alarm(0)
    send(answers, {"nbytes": nbytes, "needed": needed})
    receive(sys.stdin.buffer)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0  # reading the file reports the error


def _alarm(seconds: float) -> None:
    """End this process after its time, in case the parent process is gone and cannot do so."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds) + _GRACE if seconds else 0)


class _MemoryLimit:
    """Limits the address space of this process on Linux.

    Other systems do not say how much of it a process has, or do not enforce the limit.
    """

    def __init__(self) -> None:
        self._most: tuple[int, int] | None = None
        if sys.platform == "linux":
            import resource

            self._most = resource.getrlimit(resource.RLIMIT_AS)

    def allow(self, nbytes: int) -> None:
        """Let this process allocate ``nbytes`` more, in addition to what libraries need."""
        if sys.platform == "linux" and self._most:
            import resource

            pages = int(Path("/proc/self/statm").read_text().split()[0])
            soft = pages * resource.getpagesize() + nbytes + _LIBRARIES
            if self._most[0] != resource.RLIM_INFINITY:
                soft = min(soft, self._most[0])
            resource.setrlimit(resource.RLIMIT_AS, (soft, self._most[1]))

    def lift(self) -> None:
        """Let this process allocate as much as when it started."""
        if sys.platform == "linux" and self._most:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, self._most)
