"""Reads picture files so that a bad file cannot crash or block the program."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ..child_python import python_command
from ..errors import ImageError, MissingDependencyError
from . import ordinary
from .frames import receive, send
from .header import Header, header_of
from .limits import LimitError, Limits, in_words
from .memory_budget import MemoryBudget, Share
from .photo import Photo
from .read import decode_photo, read_bytes, read_photo

logger = logging.getLogger(__name__)

#: Called with the header of a file.
OnHeader = Callable[[Header], object]

_START_SECONDS, _END_SECONDS = 60.0, 1.0
_ERRORS = {error.__name__: error for error in (ImageError, LimitError, MissingDependencyError)}
_F_SETPIPE_SZ = 1031  # ``fcntl`` has no name for it in Python 3.9


class PhotoReader:
    """Reads picture files, and decodes potentially dangerous ones in a separate process.

    Decoders are large libraries in C. A hostile or damaged file may crash them, keep them busy for
    hours, or make them take all memory. In another process, which is limited in time and (on Linux)
    in memory, such a file only causes an :class:`~ppgan_mpr.ImageError`. The process is started
    when it is first needed, serves all later files, and is replaced if it had to be killed.

    Several threads may share a reader; files that they read at the same time have a process each.

    Args:
        limits: how large a picture may be and how long reading it may take.
        command: starts the process; default: this Python. The process must answer as
            :mod:`ppgan_mpr.imaging.worker` does.
        isolate_all: read even ordinary files in another process, as public servers should. If no
            process can be started, refuse to read.

    Attributes:
        limits: as given.
        budget: the memory shared by all pictures that are read with this reader.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        command: Sequence[str] | None = None,
        isolate_all: bool = False,
    ):
        self.limits = limits or Limits()
        self._isolate_all = isolate_all
        self._command = list(_worker_command() if command is None else command)
        self._idle: list[_Worker] = []
        self.budget = MemoryBudget()
        self._usable = bool(self._command)
        self.close = weakref.finalize(self, _end_all, self._idle, os.getpid())

    def start(self) -> None:
        """Start a process in advance without waiting for it."""
        if self._usable and not self._idle:
            try:
                self._idle.append(_Worker(self._command))
            except OSError as error:
                self._give_up(error)

    def read(
        self,
        path: str | os.PathLike[str],
        isolated: bool = True,
        memory: Share | None = None,
        on_header: OnHeader | None = None,
    ) -> Photo:
        """Read a picture file as :func:`~ppgan_mpr.imaging.read_photo` does, within the limits.

        Args:
            path: the file.
            isolated: read any file in another process. False reads an ordinary file (see
                :mod:`.ordinary`) in this one, which saves starting a process. With a time limit,
                every file is isolated.
            memory: the picture's share of :attr:`budget` if it is processed after reading;
                default: a share that ends after reading.
            on_header: called with the header of an ordinary file before this process decodes it;
                not called if another process is to decode it, or if none can be started. Its
                errors are ignored.

        Raises:
            ImageError, MissingDependencyError: see :func:`~ppgan_mpr.imaging.read_photo`; also if
                the decoder crashed or took too long.
        """
        path = Path(path)
        if not self._usable:
            self._refuse_in_this_process(str(path))
            return read_photo(path, self.limits)
        if not self._isolates(isolated) and _size(path) <= ordinary.MAX_BYTES:
            data = read_bytes(path, self.limits)
            if not data or ordinary.is_ordinary(data):
                if on_header and data:
                    try:
                        on_header(header_of(data, path.suffix.lower()))
                    except Exception:  # decoding reports what is damaged
                        logger.debug("%s", path, exc_info=True)
                return decode_photo(data, str(path), path.suffix.lower(), self.limits.check_size)
        return self._ask(str(path), path.suffix.lower(), memory, path=str(path.absolute()))

    def decode(
        self,
        data: bytes,
        name: str,
        isolated: bool = True,
        memory: Share | None = None,
        suffix: str = "",
    ) -> Photo:
        """Decode as :func:`~ppgan_mpr.imaging.decode_photo` does, within the limits.

        Args:
            data: all bytes of a file.
            name: for messages.
            isolated, memory: see :meth:`read`.
            suffix: the file name's, in lower case; used only for formats without a signature and
                for cameras' raw files.

        Raises:
            ImageError, MissingDependencyError: see :meth:`read`.
        """
        here = not self._isolates(isolated) and ordinary.is_ordinary(data)
        if not self._usable:
            self._refuse_in_this_process(name)
        if not self._usable or not data or here:
            return decode_photo(data, name, suffix, self.limits.check_size)
        return self._ask(name, suffix, memory, data=data)

    def _isolates(self, asked: bool) -> bool:
        # Only another process can enforce a time limit.
        return asked or self._isolate_all or self.limits.seconds is not None

    def _ask(
        self,
        name: str,
        suffix: str,
        memory: Share | None,
        path: str = "",
        data: bytes | None = None,
    ) -> Photo:
        try:
            worker = self._take()
        except (OSError, EOFError) as error:
            self._give_up(error)
            self._refuse_in_this_process(name)
            if data is None:
                return read_photo(path, self.limits)
            return decode_photo(data, name, suffix, self.limits.check_size)
        request = {
            "name": name, "suffix": suffix, "path": path, "data": data,
            "nbytes": self.limits.nbytes, "seconds": self.limits.seconds,
        }  # fmt: skip
        try:
            with contextlib.nullcontext(memory) if memory else self.budget.share() as share:
                answer = worker.ask(request, self.limits, share)
        except (OSError, EOFError):
            cause = worker.end(gone=True)
            raise type(cause)(f"{name} cannot be read: {cause}") from None
        except MemoryError:
            worker.end()
            what = f"its pixels, {in_words(worker.expected)},"
            raise LimitError(f"{name} cannot be read: {what} do not fit into memory") from None
        except BaseException:  # an interrupt: the next request would get this one's answer
            worker.end()
            raise
        if worker.late is None:
            self._idle.append(worker)
        if isinstance(answer, Photo):
            return answer
        kind, message = answer
        raise _ERRORS[kind](message)

    def _take(self) -> _Worker:
        """An idle or a new worker that is ready."""
        while self._idle:
            try:
                worker = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if worker.is_usable():
                worker.wait_until_ready()
                return worker
        worker = _Worker(self._command)
        worker.wait_until_ready()
        return worker

    def _refuse_in_this_process(self, name: str) -> None:
        if self._isolate_all:
            raise ImageError(
                f"{name} cannot be read: no process for decoding could be started, and the main "
                "process does not decode untrusted files"
            )

    def _give_up(self, error: BaseException) -> None:
        self._usable = False
        if self._isolate_all:
            logger.error("No process for decoding could be started (%s).", error)
            return
        logger.warning(
            "No process for decoding could be started (%s): pictures are decoded in the main "
            "process, which a damaged file may crash.",
            error,
        )


class _Worker:
    """A process that decodes picture files.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment,
            start_new_session=os.name == "posix",  # Ctrl-C must not end it
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # same on Windows
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._answers: BinaryIO = self._process.stdout  # type: ignore[assignment]
        _enlarge_buffer(self._answers)
        self._owner = os.getpid()
        self._ready = False
        self.expected = 0  # bytes of decoded pixels
        self.late: float | None = None  # the time limit that was exceeded, in seconds

    def is_usable(self) -> bool:
        """Whether it still runs and was started by this process, not inherited through a fork."""
        return self._owner == os.getpid() and self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait for its first message.

        Raises:
            EOFError: it ended, or was ended because it took too long.
        """
        if not self._ready:
            clock = _Clock(self, _START_SECONDS)
            try:
                receive(self._answers)
            except (OSError, EOFError):
                self.end()
                raise
            finally:
                clock.stop()
            self._ready = True

    def ask(self, request: dict[str, Any], limits: Limits, memory: Share) -> Any:
        """Send a request and return the answer.

        Args:
            request: see :mod:`.worker`.
            limits: the time limit is used.
            memory: the picture's share, for its file and pixels.

        Raises:
            OSError, EOFError: it ended, or was ended because it took too long.
        """
        self.expected = 0
        clock = _Clock(self, limits.time_for(0))
        try:
            send(self._requests, request)
            answer = receive(self._answers)
            while isinstance(answer, dict):  # memory needed: for the file, then for the pixels
                self.expected = answer["nbytes"]
                clock.stop()
                waited = memory.before_decoding(answer["nbytes"], answer["needed"])
                clock.extend(limits.time_for(answer["nbytes"]), waited)
                send(self._requests, True)
                answer = receive(self._answers)
            return answer
        finally:
            clock.stop()

    def kill_late(self, seconds: float) -> None:
        """Kill it because ``seconds``, the time limit, have passed."""
        self.late = seconds
        self._process.kill()

    def end(self, gone: bool = False) -> ImageError:
        """End it if it still runs.

        Args:
            gone: it has closed its end of a pipe, so it is about to end by itself.

        Returns:
            An error whose message says why it ended.
        """
        if self._owner != os.getpid():
            return ImageError("")
        try:
            status = self._process.wait(_END_SECONDS if gone else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()
        if self.late is not None:
            return LimitError(
                f"decoding took longer than {self.late:g} s: raise read_timeout= if you trust the "
                "file"
            )
        if status < 0 and -status == getattr(signal, "SIGKILL", None):
            return LimitError(
                "its decoder was killed with SIGKILL, probably because memory was short: restore "
                "fewer pictures at once (jobs=1), or end other programs"
            )
        if status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = f"signal {-status}"
            return ImageError(f"its decoder crashed with {name}")
        return ImageError(f"its decoder ended with exit code {status}")


class _Clock:
    """A timer that kills a worker unless the timer is stopped first."""

    def __init__(self, worker: _Worker, seconds: float):
        self._worker, self._started = worker, time.monotonic()
        self._set(seconds, seconds)

    def extend(self, seconds: float, waited: float) -> None:
        """Allow ``seconds`` since the start, not counting the seconds spent waiting."""
        self.stop()
        self._started += waited
        self._set(seconds - (time.monotonic() - self._started), seconds)

    def stop(self) -> None:
        self._timer.cancel()

    def _set(self, rest: float, seconds: float) -> None:
        self._timer = threading.Timer(max(0.0, rest), self._worker.kill_late, [seconds])
        self._timer.daemon = True
        self._timer.start()


def _worker_command() -> list[str]:
    """Command line of a worker; empty if this program is not a Python interpreter."""
    return python_command(f"from {__package__}.worker import main; main()")


def _enlarge_buffer(pipe: BinaryIO) -> None:
    """Enlarge the buffer of a pipe, so that the two processes switch less often."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # the user's quota of large pipes may be used up
            fcntl.fcntl(pipe, _F_SETPIPE_SZ, 1 << 20)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0  # reading the file reports the error


def _end_all(workers: list[_Worker], owner: int) -> None:
    while workers and owner == os.getpid():
        workers.pop().end()
