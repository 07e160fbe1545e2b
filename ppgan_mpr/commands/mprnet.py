"""The program ``mprnet``: the command, in a process that starts and ends without delay."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run ``mprnet``.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``. If it is left out, the
            garbage collector is paused until the predictor is ready (to the end if there is none),
            and the process is ended right after its last exit handler, without freeing its objects:
            freeing a network and unloading OpenVINO would take as long as loading the network.

    Returns:
        The exit code.
    """
    codes: list[int] = []
    kept: list[object] = []

    def ready(predictor: object) -> None:
        kept.append(predictor)
        gc.freeze()  # later collections need not look at the modules
        gc.enable()

    if argv is None:
        # Before imports that register exit handlers: the handler registered first runs last.
        atexit.register(_end, codes, kept)
        # Without this, OpenVINO imports its model converter, which takes as long as importing
        # Pillow.
        sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
        # Imports create so many objects that the garbage collector starts again and again. It
        # would free a few megabytes at most.
        gc.disable()
    from .restore import main as restore

    codes.append(restore(argv, ready if argv is None else None))
    return codes[0]


def _end(codes: list[int], kept: list[object]) -> None:
    """End the process with the command's exit code; ``kept`` holds what is not to be freed."""
    if not codes:  # the command has ended with an exception
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python reports it
    os._exit(codes[0])


if __name__ == "__main__":
    sys.exit(main())
