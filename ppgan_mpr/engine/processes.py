"""Exchange between the processes of a run; with one process all functions return at once."""

from __future__ import annotations

from typing import TypeVar

import paddle
import paddle.distributed as dist

T = TypeVar("T")


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank()


def count() -> int:
    """Number of processes that train together."""
    return dist.get_world_size()


def is_first() -> bool:
    """Whether this is the first process, which logs and writes files."""
    return dist.get_rank() == 0


def in_any(flag: object) -> bool:
    """Whether ``flag`` is true in any process.

    All processes must stop together: a process would wait forever for the gradients of another one
    that has ended.
    """
    if count() == 1:
        return bool(flag)
    votes = paddle.to_tensor([int(bool(flag))])
    dist.all_reduce(votes)
    return bool(votes.item())


def largest(number: int) -> int:
    """The largest number of all processes."""
    if count() == 1:
        return number
    found = paddle.to_tensor([number])
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found.item())


def largest_of_each(numbers: paddle.Tensor) -> paddle.Tensor:
    """The largest number of all processes at each index, on the device and without waiting."""
    if count() > 1:
        dist.all_reduce(numbers, dist.ReduceOp.MAX)
    return numbers


def agree(number: int) -> bool:
    """Whether the number is the same in all processes."""
    return largest(number) == -largest(-number)


def wait_for_all() -> None:
    """Return when all processes have called this; if one has failed before, it never returns."""
    in_any(False)


def mean(values: dict[str, float]) -> dict[str, float]:
    """The mean of each value over all processes."""
    if dist.get_world_size() == 1:
        return values
    summed = paddle.to_tensor(list(values.values()), dtype="float32")
    dist.all_reduce(summed)
    return dict(zip(values, map(float, (summed / dist.get_world_size()).numpy())))


def gather(items: list[T]) -> list[T]:
    """Join the lists of all processes; any of them may be empty."""
    if dist.get_world_size() == 1:
        return items
    lists: list[list[T]] = []
    dist.all_gather_object(lists, items)
    return [item for part in lists for item in part]
