"""Estimates of the time left, from the work that is done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping


class TimeLeft:
    """Estimates the time left of a run from the tiles that are finished.

    May be used by several threads.

    Args:
        weights: name of each picture → how much of the work it is, in any unit.
        steps: how often each picture goes through a network.
        clock: seconds.
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
        """Note the tiles of one picture that are finished.

        Args:
            name: of the picture.
            done: number of its finished tiles in the current step.
            total: number of its tiles in this step.

        Returns:
            The seconds left of the run; None where nothing is known yet.
        """
        now = self._clock()
        with self._lock:
            before = sum(self._done.values())
            share = (self._steps_done[name] + done / total) / self._steps
            self._steps_done[name] += done == total
            self._done[name] = self._weights.get(name, 0) * min(share, 1)
            finished = sum(self._done.values())
            if not before:  # the network was loaded and compiled for the first one
                first, self._begun = self._begun, (now, finished)
                if done == total:
                    return None  # as all of its time may have gone into that
                return self._at_rate(finished, now - first[0], finished)
            return self._at_rate(finished - self._begun[1], now - self._begun[0], finished)

    def leave_out(self, name: str) -> None:
        """Note that a picture is no work after all."""
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
