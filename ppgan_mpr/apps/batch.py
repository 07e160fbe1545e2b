"""Processes items in order, several concurrently, until a request to stop."""

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
    """A request to stop has ended the work on an item."""


class Stop:
    """A request to stop, which work checks from time to time.

    Args:
        requested: set by the caller to stop the work.
    """

    def __init__(self, requested: threading.Event | None = None):
        self._requested = requested
        self._abandoned = threading.Event()  # nobody waits for results any more

    def check(self) -> None:
        """Raise StoppedError if the work is to stop."""
        requested = self._requested is not None and self._requested.is_set()
        if requested or self._abandoned.is_set():
            raise StoppedError

    def abandon(self) -> None:
        """Stop the work that is still going on."""
        self._abandoned.set()


def process_in_order(
    items: Iterable[Item], process: Callable[[Item, Stop], Done], jobs: int, stop: Stop
) -> Generator[Done, None, None]:
    """Process items and yield the results in order, as soon as they are available.

    Args:
        items: what to process.
        process: called with an item and ``stop``. If it raises StoppedError, the item has no
            result.
        jobs: items processed concurrently, by threads. A single job uses the caller's thread, so
            that Ctrl-C interrupts it.
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
