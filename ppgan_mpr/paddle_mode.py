"""Locks for PaddlePaddle's mode (dynamic or static), which all threads of a process share.

Tracing a network, and building one without memory for its parameters, switch to static mode.
Meanwhile no other thread can build or run layers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_CHANGED = threading.Condition(threading.RLock())
_running = 0  # number of threads in dynamic_mode()
_owner: int | None = None  # the thread in changing_mode()
_depth = 0  # how many nested changing_mode() blocks it is in


@contextlib.contextmanager
def changing_mode() -> Iterator[None]:
    """Keep other threads from building, running or tracing layers.

    Inside, this thread may nest blocks of this kind and of :func:`dynamic_mode`.
    """
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
    """Run layers in dynamic mode; other threads may do so at the same time.

    :func:`changing_mode` must not be used inside.
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
