"""Restores a list of pictures in order, each distinct one once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from ..dependencies import cpu_count
from ..imaging.memory_budget import MemoryBudget
from .batch import Stop, process_in_order
from .result import Result
from .sources import Source, unique
from .turn import Turn

_MOST_BESIDE = 4  # pictures read and written while others are computed; each may take a process


def concurrent_pictures(asked: int | None, devices: int = 1) -> int:
    """The number of pictures processed concurrently.

    Args:
        asked: the option ``jobs``. By default each device computes one picture, and meanwhile
            each core, up to four of them, may read or write another.
        devices: number of devices; the number of pictures is never smaller.
    """
    if asked is None:
        return devices + min(cpu_count(), _MOST_BESIDE)
    return max(asked, devices)


def restore_each(
    sources: Sequence[Source],
    process: Callable[[Source, Turn], Result],
    jobs: int,
    stop: threading.Event | None,
    budget: MemoryBudget,
) -> Iterator[Result]:
    """Yield the result of each picture in order; a picture listed twice repeats its result.

    Args:
        sources: the pictures.
        process: restores one.
        jobs: pictures processed concurrently, as far as the memory suffices.
        stop: ends the iteration when it is set, after the finished pictures.
        budget: the memory that the pictures share.
    """

    def process_with_memory(source: Source, stop: Stop) -> tuple[Any, Result]:
        with budget.share(stop.check) as memory:
            return source.identity, process(source, Turn(stop, memory))

    left = Counter(source.identity for source in sources)
    distinct = unique(sources)
    ready: dict[Any, Result] = {}
    batch = process_in_order(distinct, process_with_memory, min(jobs, len(distinct)), Stop(stop))
    with closing(batch) as restored:
        for source in sources:
            identity = source.identity
            if identity not in ready:
                ready.update(islice(restored, 1))
            if identity not in ready:
                continue  # stopped; a later picture may be finished
            left[identity] -= 1
            yield ready[identity] if left[identity] else ready.pop(identity)
