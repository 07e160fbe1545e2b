"""Code that all commands share: the program's name, signals, and exit codes for errors."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ..ending_signals import handled_by
from ..errors import RestorationError
from ..file_names import shown
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
def interruptible() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt while the block runs.

    So temporary files are removed. An interrupted C++ library may raise an error of its own or
    swallow the interrupt. The block still ends with KeyboardInterrupt. A signal that the
    caller ignores, as ``nohup`` does, stays ignored.

    Code in the block may install its own handlers. In processes forked by the block, the signals
    have their previous effect.

    Raises:
        KeyboardInterrupt: a signal arrived inside the block.
    """
    owner, arrived = os.getpid(), False

    def interrupt(number: int, _: object) -> None:
        nonlocal arrived
        if os.getpid() != owner:
            signal.signal(number, previous[number])
            os.kill(os.getpid(), number)
            return
        arrived = True
        raise KeyboardInterrupt

    with handled_by(interrupt, foreign=True) as previous:
        try:
            yield
        except BaseException:
            if arrived:
                raise KeyboardInterrupt from None
            raise
    if arrived:
        raise KeyboardInterrupt


def run_program(
    body: Callable[[], int],
    failure: int | Callable[[RestorationError], int] = 2,
    message: Callable[[object], str] = as_flags,
    prefix: str = "error",
    unwritable: int | None = None,
) -> int:
    """Run a command; errors that the user can fix become a message on the terminal.

    Args:
        body: does the work and returns the exit code.
        failure: exit code after such an error, or a function that returns it.
        message: turns an error into a message with command-line flags.
        prefix: first word of the message.
        unwritable: exit code after an OSError, such as a full disk; None: ``failure`` if it is a
            number, else 1.

    Returns:
        The exit code, 130 after Ctrl-C, SIGTERM or SIGHUP.
    """
    try:
        with interruptible():
            return body()
    except RestorationError as error:
        lines = map(shown, message(error).split("\n"))
        print(f"{prefix}: " + "\n".join(lines), file=sys.stderr)
        return failure if isinstance(failure, int) else failure(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads the output any more
        _write_output()
        return 1
    except OSError as error:  # a folder that cannot be written, a full disk
        _write_output()
        where = shown(error.filename or "a file")
        print(f"{prefix}: {where}: {error.strerror or error}", file=sys.stderr)
        if unwritable is not None:
            return unwritable
        return 1 if callable(failure) else failure


def _write_output() -> None:
    """Write the buffered output; if that fails, drop it, as Python would fail again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
