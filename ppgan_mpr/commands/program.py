"""What all commands share: the name of the program, and how errors end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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
        The exit code, 130 after an interrupt from the keyboard.
    """
    try:
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
