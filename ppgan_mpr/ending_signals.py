"""The signals that ask a program to end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: SIGINT (Ctrl-C), SIGTERM and SIGHUP (a terminal was closed), which Windows does not have.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextlib.contextmanager
def handled_by(
    handler: Callable[[int, Any], object], foreign: bool = False
) -> Iterator[dict[int, Any]]:
    """Let ``handler`` handle the ending signals while the block runs.

    A signal that the caller ignores, as ``nohup`` does, stays ignored. Outside the main thread,
    which alone may set handlers, this does nothing.

    Args:
        handler: called with the number of a signal and the current frame.
        foreign: also replace handlers that Python did not install. Python cannot put them back,
            so the block ends with the default handler.

    Yields:
        Number of a signal → the handler that was replaced.
    """
    previous: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        known = {number: signal.getsignal(number) for number in ENDING}  # None: a foreign handler
        if foreign:
            known = {number: before or signal.SIG_DFL for number, before in known.items()}
        previous = {n: old for n, old in known.items() if old not in (None, signal.SIG_IGN)}
    try:
        for number in previous:
            signal.signal(number, handler)
        yield previous
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
