"""The queue of pictures to restore, and the thread that restores them."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from ..apps.predictor import Predictor
from ..apps.result import Result
from ..apps.sources import Source
from ..errors import RestorationError
from ..imaging import PhotoReader
from ..inference import InferenceOptions
from .limits import Limits

logger = logging.getLogger(__name__)

WAITING, RUNNING, STOPPING = "waiting", "running", "stopping"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
FINISHED = (DONE, FAILED, CANCELLED)

# Networks kept ready. Each holds some hundred megabytes; visitors mostly share one or two.
_READY = 2


class QueueFullError(Exception):
    """As many pictures wait as the server allows."""


@dataclass(eq=False)
class Job:
    """One picture on its way through the queue.

    Attributes:
        id: a secret of the visitor who brought it.
        name: of the picture, for display and for naming the result.
        task: what to restore.
        options: how to restore.
        folder: holds everything that belongs to the job.
        upload: the picture.
        right: of a left view, the right one.
        state: one of the words at the top of this module.
        tiles_done, tiles: progress; both 0 until the network is ready.
        error: why there is no result, in one sentence.
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
    tiles_done: int = 0
    tiles: int = 0
    error: str | None = None
    result: Result | None = None
    finished: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def download_name(self) -> str:
        """The file name of the result, as the command line would choose it."""
        assert self.result is not None and self.result.output is not None
        return f"{Path(self.name).stem or 'picture'}_restoration{self.result.output.suffix}"


@dataclass
class Totals:
    """Sums since the start of a server, for monitoring.

    Attributes:
        finished: final state → number of pictures.
        rejected: reason → number of requests.
        seconds: spent on restored pictures.
        pixels: of restored pictures.
    """

    finished: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    pixels: int = 0


class Jobs:
    """A queue, the thread that works it off in order, and the results until they expire.

    One picture is restored at a time, since a network uses all cores by itself. Use it as a
    context manager: leaving it ends the work and removes every file.

    Args:
        limits: see :class:`Limits`.
        clock: seconds that only ever grow.
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
        self._predictors: OrderedDict[tuple[str, InferenceOptions], Predictor] = OrderedDict()
        self._thread = threading.Thread(target=self._work, name="restoration", daemon=True)

    def __enter__(self) -> Jobs:
        self.folder = Path(tempfile.mkdtemp(prefix="mprnet-web-"))
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
        """Whether pictures are being worked off."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Number of pictures that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Number of pictures being restored: 0 or 1."""
        return int(self._current is not None)

    def new_folder(self) -> Path:
        """A new folder for the files of a job; its name is the job's id."""
        folder = self.folder / secrets.token_urlsafe(16)
        folder.mkdir(mode=0o700)
        return folder

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue while a picture is received.

        Raises:
            QueueFullError: there is none.
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

    def get(self, name: str) -> Job | None:
        """The job with this id; None if there is none (any more)."""
        self._expire()
        return self._jobs.get(name)

    def position(self, job: Job) -> int:
        """Number of pictures that are restored before this one begins."""
        with self._changed:
            try:
                return self._waiting.index(job) + self.running
            except ValueError:
                return 0

    def cancel(self, job: Job) -> None:
        """End the work on a job: at once if it waits, else after its current tile."""
        with self._changed:
            job.stop.set()
            if job in self._waiting:
                self._waiting.remove(job)
                self._finish(job, CANCELLED)
            elif job.state == RUNNING:
                job.state = STOPPING

    def forget(self, job: Job) -> None:
        """Cancel a job and remove it with its files."""
        self.cancel(job)
        with self._changed:
            self._jobs.pop(job.id, None)
        if job.state in FINISHED:  # else its files go when the work has ended
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
            try:
                self._restore(job)
            except RestorationError as error:
                job.error = self._without_paths(job, str(error))
            except Exception as error:  # a fault of ours costs one picture, not the server
                logger.exception("a picture could not be restored")
                job.error = f"unexpected {type(error).__name__}"
            self._end(job)

    def _restore(self, job: Job) -> None:
        predictor = self._predictor(job.task, job.options)
        right = Source(job.name, "picture", job.right) if job.right else None
        # Results go to results/<task>/<id>/picture_restoration.<ext>.
        source = Source(job.name, "picture", job.upload, folder=Path(job.id), right=right)
        result = next(iter(predictor.iterate([source], job.stop)), None)
        if result is None:
            return  # stopped
        job.result = result
        if result.error is not None:
            job.error = self._without_paths(job, result.error)

    def _predictor(self, task: str, options: InferenceOptions) -> Predictor:
        key = task, options
        if key not in self._predictors:
            while len(self._predictors) >= _READY:
                self._predictors.popitem(last=False)
            self._predictors[key] = Predictor(
                self.folder / "results",
                task=task,
                options=options,
                tile_progress=self._progress,
                reader=PhotoReader(options.limits, isolate_all=True),
                keep_manifest=False,
            )
        self._predictors.move_to_end(key)
        return self._predictors[key]

    def _progress(self, _: str, done: int, total: int) -> None:
        if self._current:
            self._current.tiles_done, self._current.tiles = done, total

    def _end(self, job: Job) -> None:
        with self._changed:
            self._current = None
            result = job.result
            if job.error is not None:
                self._finish(job, FAILED)
            elif result is None:
                self._finish(job, CANCELLED)
            else:
                self.totals.seconds += result.seconds
                width, height = result.size or (0, 0)
                self.totals.pixels += width * height
                self._finish(job, DONE)
            if job.id not in self._jobs:  # forgotten meanwhile
                self._remove_files(job)

    def _finish(self, job: Job, state: str) -> None:
        job.state, job.finished = state, self._clock()
        self.totals.finished[state] += 1
        if state != DONE:
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

    def _without_paths(self, job: Job, message: str) -> str:
        """A message about the picture by its visitor's name, without places on the server."""
        for path in (job.upload, job.right):
            if path is not None:
                message = message.replace(str(path), job.name)
        return message.replace(str(self.folder), "")


def status(job: Job, position: int) -> dict[str, Any]:
    """What a visitor learns of a job, in JSON's types."""
    answer: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "task": job.task,
        "state": job.state,
        "position": position,
        "tiles_done": job.tiles_done,
        "tiles": job.tiles,
        "error": job.error,
        "record": None,
    }
    if job.state == DONE and job.result is not None:
        record = replace(job.result.record, source=job.name, output=job.download_name)
        answer["record"] = record.to_dict()
    return answer
