"""Memory shared by pictures that are decoded at the same time, each in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

from ..free_memory import available

_AGAIN = 1.0  # seconds after which waiting owners look again, as other programs end too


class MemoryBudget:
    """Grants memory to several owners, who wait while the others hold too much of it.

    Each of them alone would find all of the free memory at its disposal. An owner that no other
    one keeps waiting is granted what it asks for: whether that fits is checked elsewhere.

    Args:
        free: bytes of memory that are free.
    """

    def __init__(self, free: Callable[[], int] = available) -> None:
        self._free = free
        self._granted: dict[Hashable, int] = {}
        self._changed = threading.Condition()

    def grant(self, owner: Hashable, nbytes: int) -> float:
        """Wait until an owner may take memory, in the place of what it was granted before.

        Args:
            owner: whoever asks.
            nbytes: how much it is going to hold.

        Returns:
            The seconds that it has waited.
        """
        started = time.monotonic()
        with self._changed:
            self._granted.pop(owner, None)  # who waits holds nothing, so nobody waits forever
            self._changed.notify_all()
            while self._granted and nbytes + sum(self._granted.values()) > self._free():
                self._changed.wait(_AGAIN)
            self._granted[owner] = nbytes
        return time.monotonic() - started

    def release(self, owner: Hashable) -> None:
        """Take back what an owner was granted."""
        with self._changed:
            self._granted.pop(owner, None)
            self._changed.notify_all()
