"""Division of a batch into the shares of processes, and of each share into slices."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UsageError

logger = logging.getLogger(__name__)


class BatchPlan(NamedTuple):
    """The batch of one process.

    Attributes:
        batch_size: number of this process's pictures in each update.
        accumulate: number of slices that pass through the network one after the other.
    """

    batch_size: int
    accumulate: int


def plan_batches(cfg: Mapping[str, Any], world_size: int, progressive: bool = False) -> BatchPlan:
    """Derive each process's batch and its slices from the configuration.

    With ``total_batch_size``, ``dataset.train.batch_size`` is the largest slice: the processes
    share the total, and each accumulates the gradients of as many slices as its share needs.
    Without it, ``batch_size`` and ``accumulate`` are used directly.

    Args:
        cfg: the configuration; it is not changed.
        world_size: number of processes.
        progressive: whether the size of the batches changes during the run.

    Raises:
        UsageError: the processes cannot share the total equally, or another option contradicts it.
    """
    total, train = cfg["total_batch_size"], cfg["dataset"]["train"]
    most = train.get("batch_size", 1)
    if total is None:
        return BatchPlan(most, cfg["accumulate"])
    if progressive:
        raise UsageError(
            "dataset.train.progressive sets each phase's batch: give total_batch_size only there."
        )
    plan = share_batch(total, most, world_size, cfg["accumulate"])
    logger.info(
        "Batches of %d pictures: %d in each of %d process(es), in %d slice(s) of at most %d",
        total,
        plan.batch_size,
        world_size,
        plan.accumulate,
        -(-plan.batch_size // plan.accumulate),
    )
    return plan


def share_batch(
    total: int, most: int, world_size: int, accumulate: int = 1, where: str = "total_batch_size"
) -> BatchPlan:
    """Divide a batch among processes, and each share into slices of at most ``most`` pictures.

    Args:
        total: number of pictures of all processes in each update.
        most: largest number of pictures that pass through a network at once.
        world_size: number of processes.
        accumulate: the option ``accumulate``, which must not be set.
        where: name of the option that gives the total, for messages.

    Raises:
        UsageError: the processes cannot share the total equally, or ``accumulate`` is set.
    """
    if accumulate > 1:
        raise UsageError(f"{where} determines accumulate: leave one of them out.")
    share, rest = divmod(total, world_size)
    if rest:
        raise UsageError(
            f"{where} is {total}, which {world_size} processes cannot share equally: "
            "give a multiple of their number."
        )
    return BatchPlan(share, -(-share // most))
