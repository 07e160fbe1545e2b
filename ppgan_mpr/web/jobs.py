"""The queue of pictures to restore, and the thread that restores them."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ..inference import InferenceOptions
from .job import CANCELLED, DONE, FINISHED, RUNNING, STOPPING, UNDECIDED, WAITING, Job
from .limits import Limits
from .restoration import Restoration


class QueueFullError(Exception):
    """The largest allowed number of pictures is waiting."""


@dataclass
class Totals:
    """Counts and sums since the start of a server, for monitoring.

    Attributes:
        finished: final state → number of pictures.
        rejected: reason → number of requests.
        seconds: time spent on restored pictures.
        pixels: number of pixels of restored pictures.
    """

    finished: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    pixels: int = 0


class Jobs:
    """A queue of jobs, the thread that restores them in order, and the unexpired results.

    One picture is restored at a time, since a network uses all cores by itself. Use it in a
    ``with`` block, whose end stops the work and removes all files.

    Args:
        limits: see :class:`Limits`.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic):
        self.limits = limits or Limits()
        self.totals = Totals()
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._receiving = 0
        self._current: Job | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="restoration", daemon=True)

    def __enter__(self) -> Jobs:
        self.folder = Path(tempfile.mkdtemp(prefix="mprnet-web-"))
        self._restoration = Restoration(self.folder)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closing = True
            if self._current:
                self._current.stop.set()
            self._changed.notify_all()
        self._thread.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether the thread that restores pictures is running."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Number of waiting pictures."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Number of pictures being restored: 0 or 1."""
        return int(self._current is not None)

    def new_folder(self) -> Path:
        """Create a folder for the files of a job; its name is the job's id."""
        folder = self.folder / secrets.token_urlsafe(16)
        folder.mkdir(mode=0o700)
        return folder

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Reserve a place in the queue while a picture is received.

        Raises:
            QueueFullError: the queue is full.
        """
        with self._changed:
            if len(self._waiting) + self._receiving >= self.limits.queue:
                raise QueueFullError
            self._receiving += 1
        try:
            yield
        finally:
            with self._changed:
                self._receiving -= 1

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue; see :meth:`place`."""
        self._expire()
        with self._changed:
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._changed.notify_all()

    def decide(self, job: Job, task: str, options: InferenceOptions) -> bool:
        """Put an undecided job into the queue again, with the visitor's choice; see :meth:`place`.

        Args:
            job: the undecided job.
            task: the chosen task.
            options: how to restore.

        Returns:
            Whether the job was undecided; if not, nothing happens.
        """
        with self._changed:
            if job.state != UNDECIDED or job.id not in self._jobs:
                return False
            job.decided, job.options, job.state = task, options, WAITING
            self._waiting.append(job)
            self._changed.notify_all()
        return True

    def get(self, name: str) -> Job | None:
        """The job with this id; None if it is unknown or has expired."""
        self._expire()
        return self._jobs.get(name)

    def position(self, job: Job) -> int:
        """Number of pictures that are restored before this one."""
        with self._changed:
            try:
                return self._waiting.index(job) + self.running
            except ValueError:
                return 0

    def cancel(self, job: Job) -> None:
        """Cancel a job: at once if it waits or is undecided, else after the current tile."""
        with self._changed:
            job.stop.set()
            if job in self._waiting:
                self._waiting.remove(job)
            elif job.state != UNDECIDED:
                if job.state == RUNNING:
                    job.state = STOPPING
                return
            self._finish(job, CANCELLED)

    def forget(self, job: Job) -> None:
        """Cancel a job and remove it with its files."""
        self.cancel(job)
        with self._changed:
            self._jobs.pop(job.id, None)
        if job.state in FINISHED:  # else they are removed when the work ends
            self._remove_files(job)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait(timeout=60)
                    self._expire()
                if self._closing:
                    return
                job = self._current = self._waiting.popleft()
                job.state = RUNNING
            self._end(job, self._restoration.run(job))

    def _end(self, job: Job, state: str) -> None:
        with self._changed:
            self._current = None
            if state == DONE and job.result is not None:
                self.totals.seconds += job.result.seconds
                width, height = job.result.size or (0, 0)
                self.totals.pixels += width * height
            self._finish(job, state)
            if job.id not in self._jobs:  # forgotten meanwhile
                self._remove_files(job)

    def _finish(self, job: Job, state: str) -> None:
        job.state, job.finished = state, self._clock()
        self.totals.finished[state] += 1
        if state not in (DONE, UNDECIDED):
            self._remove_files(job)

    def _expire(self) -> None:
        with self._changed:
            finished = sorted(
                (job for job in self._jobs.values() if job.state in FINISHED),
                key=lambda job: job.finished,
            )
            now = self._clock()
            surplus = len(finished) - self.limits.kept
            for number, job in enumerate(finished):
                if number < surplus or now - job.finished > self.limits.seconds:
                    del self._jobs[job.id]
                    self._remove_files(job)

    def _remove_files(self, job: Job) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)
        if job.result is not None and job.result.output is not None:
            shutil.rmtree(job.result.output.parent, ignore_errors=True)
