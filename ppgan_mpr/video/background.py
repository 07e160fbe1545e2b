"""Work in other threads, so that decoding, restoring and encoding overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")

_AHEAD = 2  # items that wait between two threads
_PATIENCE = 0.1  # seconds between checks whether the reader has left the ``with`` block
_END = object()


class Prefetch(Generic[Item]):
    """Iterates in another thread, a few items ahead of the reader.

    It is used in a ``with`` block, whose end stops the thread.

    Args:
        items: iterated in the other thread. The reader gets the items before an error, then the
            error.
    """

    def __init__(self, items: Iterable[Item]):
        self._items = items
        self._queue: queue.Queue[object] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._received()

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _received(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not _END:
            yield item  # type: ignore[misc] # everything except _END is an item
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._pass_on()
        except BaseException as error:
            self._error = error
        self._put(_END)

    def _pass_on(self) -> None:
        """Queue the items until the reader leaves, and close their source."""
        try:
            for item in self._items:
                if not self._put(item):
                    return
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()

    def _put(self, item: object) -> bool:
        while not self._left.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=_PATIENCE)
                return True
        return False


class Consumer(Generic[Item]):
    """Passes items in order to a function that runs in another thread.

    It is used in a ``with`` block. An error in the block drops the items that still wait.

    Args:
        take: called with each item.
    """

    def __init__(self, take: Callable[[Item], None]):
        self._take = take
        self._queue: queue.Queue[object] = queue.Queue(_AHEAD)
        self._dropped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Consumer[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._dropped.set()
        self._queue.put(_END)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, item: Item) -> None:
        """Hand over an item; blocks while the queue is full.

        Raises:
            Exception: the function has raised it for an earlier item.
        """
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            if self._error is None and not self._dropped.is_set():
                try:
                    self._take(item)  # type: ignore[arg-type] # everything except _END is an item
                except BaseException as error:
                    self._error = error
