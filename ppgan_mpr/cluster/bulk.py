"""A bulk job from start to finish: it lists missing results, restores them and makes a table."""

from __future__ import annotations

import datetime
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..apps.task_names import AUTO, is_auto, steps_of
from ..errors import UsageError
from ..file_names import name_key
from ..inference import InferenceOptions
from .earlier import job_is_finished, look_back
from .job import RESULTS, Job, WorkerFacts
from .listing import Naming, list_items
from .nodes import Pool, connected, prepare
from .pipeline import Groups, restore_groups
from .problems import named_in_errors
from .stores import Store
from .table import finalise

#: Pictures in files of at least this many bytes are restored after the small ones.
LARGE = 16 << 20


@dataclass(frozen=True)
class Outcome:
    """The outcome for one picture, as it is shown while the job runs.

    Attributes:
        source: name of the picture.
        error: why it was not restored, or None.
        skipped, left_alone: see :class:`~ppgan_mpr.apps.Result`.
        pixels: number of pixels of the result.
        seconds: time that the restoration took.
        node: name of the machine that restored it.
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
    """The progress of a job.

    Attributes:
        total: number of pictures and shards that this run has to restore.
        finished_before: number of pictures and shards that earlier runs restored.
        workers: number of workers.
        by_host: node → number of its workers.
        started: when the work began, in seconds of ``time.monotonic``.
        done: number of pictures that are finished, failed ones included.
        items: number of pictures and shards that are finished.
        pixels: number of pixels of all results.
        counts: outcome, such as ``failed`` → number of pictures.
        busy: node → seconds that its workers spent restoring.
        remarks: warnings about the job.
        passed_over: suffix → number of files that are not pictures.
        table: place of the table of results.
    """

    total: int = 0
    finished_before: int = 0
    workers: int = 0
    by_host: Mapping[str, int] = field(default_factory=dict)
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
        """Seconds since the work began."""
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
        """Estimated seconds until the job ends; None while nothing is finished."""
        left = self.total - self.items
        return self.seconds * left / self.items if self.items else None

    def utilisation(self) -> dict[str, float]:
        """Node → fraction of the time, 0 to 1, that its workers spent restoring.

        A node appears after its first picture. The workers of a node run concurrently, so its
        seconds are divided by its number of workers.
        """
        seconds = max(self.seconds, 1e-9)
        return {
            node: min(1.0, busy / seconds / self.by_host.get(node, 1))
            for node, busy in sorted(self.busy.items())
        }

    def add(self, outcome: Outcome) -> None:
        """Count a finished picture."""
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
        input_path: a folder, a glob, a table of paths, tar shards, or an address of one of these.
        output_path: a folder or an address.
        task, weight_path: see :class:`~ppgan_mpr.apps.Predictor`.
        options: see :class:`~ppgan_mpr.InferenceOptions`.
        address: address of a Ray cluster; see :func:`.nodes.connected`.
        large: pictures in files of at least this many bytes are restored after the small ones, one
            at a time in each worker.

    Raises:
        UsageError: the task or a path is not valid.

    Attributes:
        progress: the progress of the job.
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
            raise UsageError(
                f"task={task!r} takes two views of each picture: use the command mprnet instead."
            )
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
        """Restore the missing pictures and yield the outcome of each, in any order.

        Raises:
            UsageError: the input holds no picture, or no node can take part.
        """
        with connected(self._address) as ray:
            job, facts, pool = prepare(ray, self._job)
            small, large = self._missing(job, facts)
            progress = self.progress
            progress.remarks, progress.workers = facts.remarks, pool.size
            progress.by_host = pool.by_host
            progress.total = small.count + large.count
            progress.started = time.monotonic()
            yield from self._restore(small, job, facts, pool)
            # Large pictures come last, when the small ones have left the memory. Each worker
            # restores one at a time.
            single = replace(job, options=job.options.replace(jobs=1))
            yield from self._restore(large, single, facts, pool)
            with named_in_errors(job.output):
                finalise(job.output)
                job_is_finished(job.output)
            progress.table = job.output.shown_as(RESULTS)

    def _missing(self, job: Job, facts: WorkerFacts) -> tuple[Groups, Groups]:
        """The small and the large pictures that still have to be restored."""
        output = job.output
        key = name_key(output.root) if output.is_local else str
        with named_in_errors(output):
            earlier = look_back(job, facts, key)
        naming = Naming(facts.task or AUTO, job.options.suffix, key, earlier.present)
        small, large = Groups(), Groups(pictures=1)
        for item in list_items(
            self._input, job.options.recursive, output, naming, self.progress.passed_over
        ):
            item = earlier.as_recorded(item)
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
            left = Counter(row["item"] for row in rows)  # pictures of each shard
            for row in rows:
                item = row.pop("item")
                left[item] -= 1
                self.progress.items += not left[item]
                outcome = Outcome(**row)
                self.progress.add(outcome)
                yield outcome
