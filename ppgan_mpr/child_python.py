"""Commands for Python processes with this process's import path, and no folder added to it."""

from __future__ import annotations

import os
import sys

# With ``python -c`` and ``python -m``, the import path begins with the current folder, which may
# hold somebody else's files. Until the path is replaced, only built-in modules may be imported.
_START = "import sys; n = int(sys.argv[1]); sys.path[:] = sys.argv[2:n + 2]; del sys.argv[1:n + 2]"


def python_command(code: str, *arguments: str) -> list[str]:
    """The command that runs code in a new process with this process's import path.

    Args:
        code: Python statements on one line.
        arguments: become ``sys.argv[1:]``.

    Returns:
        The command; empty if this program is no Python interpreter but a frozen program.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return []
    path = [entry or os.getcwd() for entry in sys.path]
    return [sys.executable, "-c", f"{_START}; {code}", str(len(path)), *path, *arguments]
