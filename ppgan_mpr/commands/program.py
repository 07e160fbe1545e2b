"""What all commands share: the name of the program, and how errors end it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import RestorationError
from .flags import as_flags

INTERRUPTED = 130


def program_name() -> str:
    """The command as typed, such as ``mprnet-train`` or ``python tools/main.py``."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None:
        return f"python -m {spec.name}"
    script = Path(sys.argv[0])
    return f"python {script}" if script.suffix == ".py" else script.stem


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Inside its block SIGTERM raises KeyboardInterrupt, so that temporary files are removed.

    Code that handles SIGTERM otherwise may do so inside the block. Processes that are forked there
    end at once, as usual.
    """
    if threading.current_thread() is not threading.main_thread():  # only there are handlers set
        yield
        return
    owner = os.getpid()

    def interrupt(number: int, _: object) -> None:
        if os.getpid() == owner:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        # None stands for a handler that Python did not install and cannot put back.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if previous is None else previous)


def run_program(
    body: Callable[[], int],
    failure: int | Callable[[RestorationError], int] = 2,
    message: Callable[[object], str] = as_flags,
) -> int:
    """Run a command; errors that the user can fix become one line on the terminal.

    Args:
        body: does the work and returns the exit code.
        failure: exit code after such an error, or what finds it.
        message: puts an error into the words of the command line.

    Returns:
        The exit code, 130 after Ctrl-C or SIGTERM.
    """
    try:
        with sigterm_as_interrupt():
            return body()
    except RestorationError as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return failure if isinstance(failure, int) else failure(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads the output any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a folder that cannot be written, a full disk
        print(f"error: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 1 if callable(failure) else failure
