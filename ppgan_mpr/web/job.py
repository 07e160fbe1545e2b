"""One picture on its way through the queue: its states, and the time it has left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..apps.auto import is_auto
from ..apps.chain import steps_of
from ..apps.result import Result
from ..detection import Finding
from ..inference import InferenceOptions
from .messages import Message
from .proposals import Proposal

WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"
DONE, CLEAN, UNDECIDED, FAILED, CANCELLED = "done", "clean", "undecided", "failed", "cancelled"
#: States in which nothing happens any more unless the visitor asks for it.
FINISHED = (DONE, CLEAN, UNDECIDED, FAILED, CANCELLED)


class TimeLeft:
    """Estimates the seconds left from the times at which tiles were finished.

    Args:
        steps: number of tasks in order; each goes over all tiles. The estimate takes later steps
            to be as slow as the present one.
        clock: seconds that only ever grow.

    Attributes:
        done, total: tiles of the present step; both 0 until their number is known.
        step: the present step, from 1; 0 until the number of its tiles is known.
    """

    def __init__(self, steps: int = 1, clock: Callable[[], float] = time.monotonic):
        self.done = self.total = self.step = 0
        self._steps, self._clock = steps, clock
        # Number of tiles, time. The first tile also takes the network's preparation.
        self._first: tuple[int, float] | None = None
        self._last = 0, 0.0
        self._seconds: float | None = None  # for one tile

    def note(self, done: int, total: int) -> None:
        """Note that a tile has been finished, or that a step begins.

        Args:
            done: number of finished tiles of the step; 0 when it begins, which steps of a single
                tile need not say.
            total: number of all its tiles.
        """
        now = self._clock()
        if self.done == self.total or done < self.done:
            self.step += 1
            self._first = None
        self.done, self.total = done, total
        self._last = done, now
        if self._first is None:
            self._first = (done, now) if done else None
        elif done > self._first[0]:
            self._seconds = (now - self._first[1]) / (done - self._first[0])

    @property
    def seconds_left(self) -> float | None:
        """The estimate; None before the second tile, whose time is the first to be known."""
        if self._seconds is None:
            return None
        tiles = self.total - self.done + self.total * max(self._steps - self.step, 0)
        return max(self._seconds * tiles - (self._clock() - self._last[1]), 0.0)


@dataclass(eq=False)
class Job:
    """One picture on its way through the queue.

    Attributes:
        id: a secret of the visitor who brought it.
        name: of the picture, for display and for naming the result.
        task: what to restore: a task, several as ``A+B``, or ``auto``.
        options: how to restore.
        folder: holds everything that belongs to the job.
        upload: the picture.
        right: of a left view, the right one.
        state: one of the words at the top of this module.
        progress: tiles and the time left.
        finding: what ``auto`` found in the picture.
        proposals: for an undecided job, what the visitor can choose.
        decided: the task that ``auto`` or, after it, the visitor has chosen.
        error: why there is no result.
        result: what the predictor reported.
        finished: when, in seconds of the monotonic clock.
        stop: set to end the work after the current tile.
    """

    id: str
    name: str
    task: str
    options: InferenceOptions
    folder: Path
    upload: Path
    right: Path | None = None
    state: str = WAITING
    progress: TimeLeft = field(default_factory=TimeLeft)
    finding: Finding | None = None
    proposals: tuple[Proposal, ...] = ()
    decided: str | None = None
    error: Message | None = None
    result: Result | None = None
    finished: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def steps(self) -> tuple[str, ...]:
        """The tasks in order; empty while ``auto`` has not decided."""
        if self.decided:
            return (self.decided,)
        return () if is_auto(self.task) else tuple(task.name for task in steps_of(self.task))

    @property
    def download_name(self) -> str:
        """The file name of the result, as the command line would choose it."""
        assert self.result is not None and self.result.output is not None
        return f"{Path(self.name).stem or 'picture'}_restoration{self.result.output.suffix}"
