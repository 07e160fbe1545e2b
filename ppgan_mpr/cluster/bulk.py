"""A bulk job from beginning to end: what is missing is listed, restored, and put into a table."""

from __future__ import annotations

import datetime
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..apps.auto import is_auto
from ..apps.chain import AUTO, steps_of
from ..errors import UsageError
from ..file_names import name_key
from ..inference import InferenceOptions
from .earlier import job_is_finished, look_back
from .job import RESULTS, Job, WorkerFacts
from .listing import Naming, list_items
from .nodes import Pool, connected, prepare
from .pipeline import Groups, restore_groups
from .stores import Store
from .table import finalise

#: Bytes of a file from which on its picture goes to the pool for large ones.
LARGE = 16 << 20


@dataclass(frozen=True)
class Outcome:
    """What became of one picture, as it is shown while the job runs.

    Attributes:
        source: the picture.
        error: why it was not restored, or None.
        skipped, left_alone: see :class:`~ppgan_mpr.apps.Result`.
        pixels: of the result.
        seconds: that restoring it took.
        node: the machine that restored it.
    """

    source: str
    error: str | None
    skipped: bool
    left_alone: bool
    pixels: int
    seconds: float
    node: str


@dataclass
class Progress:
    """How far a job is.

    Attributes:
        total: pictures and shards that this run has to restore.
        finished_before: those that earlier runs have restored.
        workers: number of workers.
        started: when the first picture was handed out, in seconds of ``time.monotonic``.
        done: pictures that are finished, whatever became of them.
        items: pictures and shards that are finished.
        pixels: of the results.
        counts: pictures by what became of them.
        busy: node → seconds that its workers restored.
        remarks: warnings about the job.
        passed_over: number of files of other formats by suffix.
        table: where the table of results is.
    """

    total: int = 0
    finished_before: int = 0
    workers: int = 0
    started: float = field(default_factory=time.monotonic)
    done: int = 0
    items: int = 0
    pixels: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    busy: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    remarks: tuple[str, ...] = ()
    passed_over: Counter[str] = field(default_factory=Counter)
    table: str = ""

    @property
    def seconds(self) -> float:
        """Since the first picture was handed out."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def megapixel_rate(self) -> float:
        """Megapixels a second."""
        return self.pixels / 1e6 / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None as long as nothing is finished."""
        left = self.total - self.items
        return self.seconds * left / self.items if self.items else None

    def utilisation(self) -> dict[str, float]:
        """Node → part of the time in which its workers restored, as far as they are known.

        Workers of one node restore next to each other, so that the sum of their seconds is shared
        among as many as there are.
        """
        workers = max(1, self.workers // max(1, len(self.busy)))
        return {
            node: min(1.0, busy / max(self.seconds, 1e-9) / workers)
            for node, busy in sorted(self.busy.items())
        }

    def add(self, outcome: Outcome) -> None:
        """Count a picture."""
        self.done += 1
        self.pixels += outcome.pixels if outcome.error is None and not outcome.skipped else 0
        self.busy[outcome.node] += outcome.seconds
        if outcome.error is not None:
            self.counts["failed"] += 1
        elif outcome.skipped or outcome.left_alone:
            self.counts["skipped" if outcome.skipped else "left alone"] += 1
        else:
            self.counts["restored"] += 1


class BulkJob:
    """Restores many pictures on this machine or on a Ray cluster.

    Args:
        input_path: a folder, a glob, a table of paths, tar shards, or an address of these.
        output_path: a folder or an address.
        task, weight_path: see :class:`~ppgan_mpr.apps.Predictor`.
        options: see :class:`~ppgan_mpr.InferenceOptions`.
        address: of a Ray cluster; see :func:`.nodes.connected`.
        large: bytes of a file from which on its picture goes to the pool for large ones.

    Raises:
        UsageError: the task or the paths make no sense.

    Attributes:
        progress: how far it is.
    """

    def __init__(
        self,
        input_path: str,
        output_path: str,
        task: str | None = None,
        weight_path: str | None = None,
        options: InferenceOptions | None = None,
        address: str | None = None,
        large: int = LARGE,
    ):
        auto = is_auto(task)
        steps = () if task is None or auto else steps_of(task)
        if any(step.views > 1 for step in steps):
            raise UsageError(f"task={task!r} takes two views of each picture: use mprnet.")
        if weight_path and (auto or len(steps) > 1):
            raise UsageError(f"weight_path= holds the weights of one task, not of task={task!r}.")
        self._input, self._address, self._large = input_path, address, large
        now = datetime.datetime.now(datetime.timezone.utc)
        self._job = Job(
            task,
            weight_path,
            options or InferenceOptions(),
            Store.at(output_path),
            f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        )
        self.progress = Progress()

    def run(self) -> Iterator[Outcome]:
        """Restore what is missing and yield what became of each picture, in any order.

        Raises:
            UsageError: there is nothing to restore, or no node can take part.
        """
        with connected(self._address) as ray:
            job, facts, pool = prepare(ray, self._job)
            small, large = self._missing(job, facts)
            progress = self.progress
            progress.remarks, progress.workers = facts.remarks, pool.size
            progress.total = small.count + large.count
            progress.started = time.monotonic()
            yield from self._restore(small, job, facts, pool)
            # When the small ones have left the memory: one large one for each worker.
            single = replace(job, options=job.options.replace(jobs=1))
            yield from self._restore(large, single, facts, pool)
            finalise(job.output)
            job_is_finished(job.output)
            progress.table = job.output.shown_as(RESULTS)

    def _missing(self, job: Job, facts: WorkerFacts) -> tuple[Groups, Groups]:
        """The small and the large pictures that are to be restored."""
        output = job.output
        key = name_key(output.root) if output.is_local else str
        earlier = look_back(job, facts, key)
        naming = Naming(facts.task or AUTO, job.options.suffix, key, earlier.present)
        small, large = Groups(), Groups(pictures=1)
        for item in list_items(
            self._input, job.options.recursive, output, naming, self.progress.passed_over
        ):
            if earlier.has(item):
                self.progress.finished_before += 1
            elif item.nbytes >= self._large and not item.shard:
                large.add(item)
            else:
                small.add(item)
        return small, large

    def _restore(
        self, groups: Groups, job: Job, facts: WorkerFacts, pool: Pool
    ) -> Iterator[Outcome]:
        if not groups.count:
            return
        for rows in restore_groups(groups.tables(pool.size), job, facts, pool):
            self.progress.items += len({row.pop("item") for row in rows})
            for row in rows:
                outcome = Outcome(**row)
                self.progress.add(outcome)
                yield outcome
