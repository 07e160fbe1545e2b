"""The program ``mprnet``: the command, and then the end of the process without delay."""

from __future__ import annotations

import atexit
import os
import sys


def main() -> int:
    """Run ``mprnet`` with the arguments of the process.

    After the last exit handler the process ends without freeing its objects: freeing a network
    and unloading OpenVINO would take as long as loading the network.

    Returns:
        The exit code.
    """
    kept: list[object] = []
    codes: list[int] = []

    def end() -> None:
        if not codes:  # the command has ended with an exception
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python reports it
        os._exit(codes[0])

    atexit.register(end)  # before all imports that register handlers, because the first runs last
    from .restore import main as restore

    codes.append(restore(keep=kept))
    return codes[0]


if __name__ == "__main__":
    sys.exit(main())
