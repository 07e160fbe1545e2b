"""Processes items in order, some of them concurrently, until somebody asks to stop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class StoppedError(Exception):
    """Work on an item was given up because of a request to stop."""


class Stop:
    """A request to stop, which work looks at now and then.

    Args:
        requested: set by whoever wants to stop.
    """

    def __init__(self, requested: threading.Event | None = None):
        self._requested = requested
        self._abandoned = threading.Event()  # nobody waits for results any more

    def check(self) -> None:
        """Go on, or raise StoppedError."""
        requested = self._requested is not None and self._requested.is_set()
        if requested or self._abandoned.is_set():
            raise StoppedError

    def abandon(self) -> None:
        """Stop whatever is still at work."""
        self._abandoned.set()


def process_in_order(
    items: Iterable[Item], process: Callable[[Item, Stop], Done], jobs: int, stop: Stop
) -> Generator[Done, None, None]:
    """Process items and yield the results in order, as soon as they are there.

    Args:
        items: what to process.
        process: called with an item and ``stop``; may raise StoppedError, then the item has no
            result.
        jobs: items processed concurrently, by threads; up to 1 works in the caller's thread,
            which an interrupt from the keyboard reaches.
        stop: see :class:`Stop`.
    """
    if jobs <= 1:
        with suppress(StoppedError):
            for item in items:
                yield process(item, stop)
        return
    pool = ThreadPoolExecutor(jobs)
    pending: deque[Future[Done]] = deque()
    remaining = iter(items)
    try:
        while True:
            # Never more than `jobs` ahead: an early stop leaves the rest untouched.
            for item in islice(remaining, jobs - len(pending)):
                pending.append(pool.submit(process, item, stop))
            if not pending:
                return
            with suppress(StoppedError):
                yield pending[0].result()
            pending.popleft()
    finally:
        stop.abandon()
        pool.shutdown(cancel_futures=True)
