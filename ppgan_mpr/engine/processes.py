"""What the processes of a run tell each other; a run of one process has nothing to tell."""

from __future__ import annotations

import paddle
import paddle.distributed as dist


def in_any(flag) -> bool:
    """Whether ``flag`` is true in any process.

    All have to leave together: one that waits for the others' gradients hangs.
    """
    if dist.get_world_size() == 1:
        return bool(flag)
    votes = paddle.to_tensor([int(bool(flag))])
    dist.all_reduce(votes)
    return bool(votes.item())


def mean(values: dict[str, float]) -> dict[str, float]:
    """The mean of each value over all processes."""
    if dist.get_world_size() == 1:
        return values
    summed = paddle.to_tensor(list(values.values()), dtype="float32")
    dist.all_reduce(summed)
    return dict(zip(values, (summed / dist.get_world_size()).tolist()))


def gather(items: list) -> list:
    """The lists of all processes joined; any of them may be empty."""
    if dist.get_world_size() == 1:
        return items
    lists: list[list] = []
    dist.all_gather_object(lists, items)
    return [item for part in lists for item in part]
