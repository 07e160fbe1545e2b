"""Settings of the training GPU: the search for convolution algorithms, and peak memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle

_SEARCH = "FLAGS_cudnn_exhaustive_search"
_DETERMINISTIC = "FLAGS_cudnn_deterministic"


def is_used() -> bool:
    """Whether Paddle computes on a GPU."""
    return paddle.get_device().startswith("gpu")


@contextmanager
def convolution_search() -> Iterator[None]:
    """Let cuDNN time its algorithms for each new shape inside the block and keep the fastest.

    Training has few shapes, each used many thousand times. The whole pictures of a validation have
    many shapes, for which the search would take longer than it saves. Nothing changes on a CPU, or
    if ``FLAGS_cudnn_deterministic`` is set, with which Paddle refuses to search.
    """
    if not is_used() or paddle.get_flags(_DETERMINISTIC)[_DETERMINISTIC]:
        yield
        return
    before = paddle.get_flags(_SEARCH)
    paddle.set_flags({_SEARCH: True})
    try:
        yield
    finally:
        paddle.set_flags(before)


def peak_memory() -> float | None:
    """The largest memory in GB that Paddle has reserved on this process's GPU; None on a CPU."""
    return paddle.device.cuda.max_memory_reserved() / 1e9 if is_used() else None
