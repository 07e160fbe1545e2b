"""Restores a list of pictures in order, each distinct one once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from .batch import Stop, process_in_order
from .result import Result
from .sources import Source, unique


def restore_each(
    sources: Sequence[Source],
    process: Callable[[Source, Stop], Result],
    jobs: int,
    stop: threading.Event | None,
) -> Iterator[Result]:
    """Yield the result of each picture in order; that of a picture listed twice is repeated.

    Args:
        sources: the pictures.
        process: restores one.
        jobs: pictures processed concurrently.
        stop: when it is set, the iteration ends after what is finished.
    """
    left = Counter(source.identity for source in sources)
    repeated: dict[Any, Result] = {}
    batch = process_in_order(unique(sources), process, jobs, Stop(stop))
    with closing(batch) as restored:
        for source in sources:
            identity = source.identity
            result = repeated.get(identity) or next(restored, None)
            if result is None:
                return  # stopped
            left[identity] -= 1
            if left[identity]:
                repeated[identity] = result
            yield result
