"""The Ray Data pipeline of a bulk job: it reads, restores and writes within the memory limits."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .items import Item
from .job import Job, WorkerFacts
from .nodes import Pool
from .problems import ray_reason
from .workers import Reader, Worker, Writer, table_of

if TYPE_CHECKING:
    import pyarrow
    from ray.data import ActorPoolStrategy

# Largest number of pictures in a group, and of bytes of their files. Each group costs a few
# milliseconds.
_PICTURES, _BYTES = 32, 16 << 20
_GROUPS_PER_WORKER = 4
_NO_PROGRESS_SECONDS = 7 * 86400.0  # a large picture may take hours


class Groups:
    """Collects items in groups that travel together, stored as compact tables.

    Args:
        pictures: largest number of pictures in a group.
    """

    def __init__(self, pictures: int = _PICTURES):
        self._most = pictures
        self._full: list[pyarrow.Table] = []
        self._last: list[Item] = []
        self._bytes = 0
        self.count = 0

    def add(self, item: Item) -> None:
        """Add an item."""
        if self._last and (
            len(self._last) >= self._most or self._bytes + item.nbytes > _BYTES or item.shard
        ):
            self._close()
        self._last.append(item)
        self._bytes += item.nbytes
        self.count += 1

    def tables(self, workers: int) -> list[pyarrow.Table]:
        """The groups; they are made smaller if there are too few for each worker to get several."""
        self._close()
        most = max(1, min(self._most, self.count // (_GROUPS_PER_WORKER * workers)))
        return [
            table.slice(start, most) for table in self._full for start in range(0, len(table), most)
        ]

    def _close(self) -> None:
        if self._last:
            self._full.append(table_of(self._last))
            self._last, self._bytes = [], 0


def restore_groups(
    groups: list[pyarrow.Table], job: Job, facts: WorkerFacts, pool: Pool
) -> Iterator[list[dict[str, Any]]]:
    """Restore items on a cluster, and yield the progress rows of each group once it is written.

    If a node disappears, Ray repeats its unfinished groups on other nodes, which may join later.
    Results that are written twice are equal.

    Args:
        groups: tables of items; see :func:`.workers.table_of`.
        job: how pictures are restored.
        facts: how each worker must compute.
        pool: the workers.

    Raises:
        UsageError: a worker cannot be started, the table of results cannot be written, or the
            cluster is lost.
    """
    import ray.data
    from ray.data import DataContext

    # The error that ends the pipeline is raised here, so Ray need not print it too.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = _NO_PROGRESS_SECONDS
    context.target_max_block_size = None  # groups stay together
    if pool.refused:
        context.execution_options.label_selector = {
            "ray.io/node-id": f"!in({','.join(pool.refused)})"
        }
    whole: dict[str, Any] = {"batch_size": None, "batch_format": "pyarrow"}
    size = min(pool.size, len(groups))  # Ray warns if there are more actors than groups
    # Reading and writing mostly wait for disks and networks, so they need no cores of their own.
    # They run in actors: Ray ends the processes of tasks without cores when they are idle for a
    # moment, and starting one takes two seconds of processor time.
    beside: dict[str, Any] = {"num_cpus": 0, "compute": _actors(-(-size // 2))}
    data = (
        ray.data.from_arrow(groups)
        .map_batches(Reader, fn_constructor_args=(job,), **beside, **whole)
        .map_batches(
            Worker,
            fn_constructor_args=(job, facts),
            compute=_actors(size),
            num_cpus=pool.cores,
            num_gpus=pool.gpus or None,
            **whole,
        )
        .map_batches(Writer, fn_constructor_args=(job,), **beside, **whole)
    )
    try:
        for rows in data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            yield [json.loads(text) for text in rows.column("progress").to_pylist()]
    except ray.exceptions.RayError as error:
        raise UsageError(ray_reason(error)) from error


def _actors(size: int) -> ActorPoolStrategy:
    """A pool of this many actors.

    With a smaller minimum, Ray Data would stop some of them while it reserves cores for other
    steps.
    """
    from ray.data import ActorPoolStrategy

    return ActorPoolStrategy(min_size=size, max_size=size, max_tasks_in_flight_per_actor=2)
