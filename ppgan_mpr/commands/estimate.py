"""Estimates the time left from the work already done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping


class TimeLeft:
    """Estimates the time left of a run from the tiles that are finished.

    Several threads may use it.

    Args:
        weights: name of each picture → its amount of work, in any unit.
        steps: number of networks that each picture passes through.
        clock: returns seconds.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        steps: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._weights, self._steps, self._clock = dict(weights), steps, clock
        self._steps_done: Counter[str] = Counter()
        self._done: dict[str, float] = {}
        self._begun: tuple[float, float] = clock(), 0.0
        self._lock = threading.Lock()

    def note(self, name: str, done: int, total: int) -> float | None:
        """Note the number of finished tiles of a picture.

        Args:
            name: name of the picture.
            done: number of its finished tiles in the current step.
            total: number of its tiles in this step.

        Returns:
            The seconds left of the run, or None if there is no estimate yet.
        """
        now = self._clock()
        with self._lock:
            before = sum(self._done.values())
            share = (self._steps_done[name] + done / total) / self._steps
            self._steps_done[name] += done == total
            self._done[name] = self._weights.get(name, 0) * min(share, 1)
            finished = sum(self._done.values())
            if not before:  # the time so far includes loading and compiling the network
                first, self._begun = self._begun, (now, finished)
                if done == total:
                    return None  # loading may have taken most of the time
                return self._at_rate(finished, now - first[0], finished)
            return self._at_rate(finished - self._begun[1], now - self._begun[0], finished)

    def leave_out(self, name: str) -> None:
        """Note that a picture needs no work after all."""
        with self._lock:
            self._weights.pop(name, None)
            self._done.pop(name, None)

    def _at_rate(self, work: float, seconds: float, finished: float) -> float | None:
        left = sum(self._weights.values()) - finished
        return left * seconds / work if work > 0 else None


def duration(seconds: float) -> str:
    """A span of time for messages, such as ``40 s``, ``3 min`` or ``2 h 10 min``."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
