"""A job: one picture in the queue, its state and the time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..apps.result import Result
from ..apps.task_names import is_auto, steps_of
from ..detection import Finding
from ..inference import InferenceOptions
from .messages import Message
from .proposals import Proposal

WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"
DONE, CLEAN, UNDECIDED, FAILED, CANCELLED = "done", "clean", "undecided", "failed", "cancelled"
#: States in which no work waits or runs. They are final, except that a visitor's choice puts an
#: undecided job into the queue again.
FINISHED = (DONE, CLEAN, UNDECIDED, FAILED, CANCELLED)


class TimeLeft:
    """Estimates the time left from the times at which tiles were finished.

    Args:
        steps: number of tasks that run in order; each restores all tiles. The estimate assumes
            that later steps are as slow as the current one.
        clock: a monotonic clock, in seconds.

    Attributes:
        done, total: finished tiles and all tiles of the current step; both 0 until known.
        step: number of the current step, from 1; 0 until the number of its tiles is known.
    """

    def __init__(self, steps: int = 1, clock: Callable[[], float] = time.monotonic):
        self.done = self.total = self.step = 0
        self._steps, self._clock = steps, clock
        # (number of tiles, time). The first tile is not timed, as it includes the preparation.
        self._first: tuple[int, float] | None = None
        self._last = 0, 0.0
        self._seconds: float | None = None  # for one tile

    def note(self, done: int, total: int) -> None:
        """Record that a tile is finished or that a step begins.

        Args:
            done: number of finished tiles of the step; 0 when the step begins. For a step with a
                single tile, the call with 0 may be left out.
            total: number of all tiles of the step.
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
        """The estimate in seconds; None until two tiles of a step are finished."""
        if self._seconds is None:
            return None
        tiles = self.total - self.done + self.total * max(self._steps - self.step, 0)
        return max(self._seconds * tiles - (self._clock() - self._last[1]), 0.0)


@dataclass(eq=False)
class Job:
    """A picture that waits, is being restored or is finished.

    Attributes:
        id: a random name that only the visitor knows.
        name: name of the picture, for display and for naming the result.
        task: the requested task, several as ``A+B``, or ``auto``.
        options: how to restore.
        folder: folder of the job's files.
        upload: file of the picture.
        right: file of the right view, if the picture is a left view.
        state: one of the states at the top of this module.
        progress: tiles and the time left.
        finding: the degradation that ``auto`` found.
        proposals: the visitor's choices for an undecided job.
        decided: the task that ``auto`` or the visitor has chosen after the detection.
        error: why there is no result.
        result: the predictor's result.
        finished: end of the work, in seconds of the monotonic clock.
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
        """The file name of the result, the same as that of the command line."""
        assert self.result is not None and self.result.output is not None
        return f"{Path(self.name).stem or 'picture'}_restoration{self.result.output.suffix}"
