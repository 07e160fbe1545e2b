"""Starting Python again, so that files in the current folder are not taken for modules."""

from __future__ import annotations

import os
import sys

# Before the path is replaced only what is built into Python may be imported: of ``python -c``
# and ``python -m``, its first entry is the current folder, which may be a stranger's.
_START = "import sys; n = int(sys.argv[1]); sys.path[:] = sys.argv[2:n + 2]; del sys.argv[1:n + 2]"


def python_command(code: str, *arguments: str) -> list[str]:
    """The command that runs code in a new process, with the import path of this one.

    Args:
        code: statements in one line.
        arguments: become ``sys.argv[1:]``.

    Returns:
        The command; empty in a program that is no Python interpreter.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return []
    path = [entry or os.getcwd() for entry in sys.path]
    return [sys.executable, "-c", f"{_START}; {code}", str(len(path)), *path, *arguments]
