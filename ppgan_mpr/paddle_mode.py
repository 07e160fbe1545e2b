"""Locks for PaddlePaddle's mode, which is one of the process and not of a thread.

Tracing a network, and building one without memory for its parameters, switch from the dynamic to
the static mode. Meanwhile no other thread can build or run layers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_CHANGED = threading.Condition(threading.RLock())
_running = 0  # threads that run layers
_owner: int | None = None  # the thread that may change the mode
_depth = 0  # how often it has asked


@contextlib.contextmanager
def changing_mode() -> Iterator[None]:
    """Let one thread alone build or trace layers; it may nest this, and :func:`dynamic_mode`."""
    global _owner, _depth
    me = threading.get_ident()
    with _CHANGED:
        _CHANGED.wait_for(lambda: _owner == me or (_owner is None and not _running))
        _owner = me
        _depth += 1
    try:
        yield
    finally:
        with _CHANGED:
            _depth -= 1
            if not _depth:
                _owner = None
                _CHANGED.notify_all()


@contextlib.contextmanager
def dynamic_mode() -> Iterator[None]:
    """Let threads run layers side by side while none changes the mode.

    No thread may ask for :func:`changing_mode` inside it.
    """
    global _running
    me = threading.get_ident()
    with _CHANGED:
        if _owner != me:
            _CHANGED.wait_for(lambda: _owner is None)
        _running += 1
    try:
        yield
    finally:
        with _CHANGED:
            _running -= 1
            _CHANGED.notify_all()
