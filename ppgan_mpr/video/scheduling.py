"""Keeps encoders from giving threads a real-time priority."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def kept_priority() -> Iterator[None]:
    """Keep the scheduling policy of this thread, and give it to the threads that the block starts.

    If root encodes with SVT-AV1, its threads and the calling one get the highest real-time
    priority. They would starve all other programs, and child processes would inherit it.
    """
    if not hasattr(os, "sched_setscheduler"):  # only Linux has it, and only there is it needed
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    earlier = _threads()
    try:
        yield
    finally:
        for thread in _threads() - earlier | {0}:  # 0 is this one
            with contextlib.suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    try:
        return set(map(int, os.listdir("/proc/self/task")))
    except OSError:  # /proc is not mounted
        return set()
