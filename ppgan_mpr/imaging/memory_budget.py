"""A budget of memory shared by pictures that are processed concurrently."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator

from ..free_memory import available

_RECHECK = 1.0  # seconds between two checks while waiting; other programs may free memory too
_PROCESS_BYTES = 1 << 27  # bytes that a decoding process takes before it decodes


def decoding_bytes(pixels: int, needed: int) -> int:
    """Bytes that decoding a picture in another process takes in both processes together.

    Args:
        pixels: bytes of the decoded pixels, which both processes hold for a moment.
        needed: bytes that the decoder is going to hold.
    """
    return _PROCESS_BYTES + needed + pixels


class MemoryBudget:
    """Shares the free memory among pictures; a picture waits while the others hold too much.

    Without a budget, every picture would count all of the free memory as its own. A single picture
    always gets what it asks for: other code checks whether that fits.

    Args:
        free: returns the bytes of free memory.
    """

    def __init__(self, free: Callable[[], int] = available) -> None:
        self._free = free
        self._granted: dict[Share, int] = {}
        self._reserved: weakref.WeakKeyDictionary[object, float] = weakref.WeakKeyDictionary()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def share(self, check: Callable[[], object] | None = None) -> Iterator[Share]:
        """The share of one picture; it is released when the ``with`` block ends.

        Args:
            check: called repeatedly while the picture waits; may raise an error to end the wait.
        """
        share = Share(self, check or (lambda: None))
        try:
            yield share
        finally:
            with self._changed:
                self._granted.pop(share, None)
                self._changed.notify_all()

    def reserve(self, owner: object, nbytes: float) -> None:
        """Reserve memory for something other than a picture, such as a network.

        An earlier reservation for the same owner is replaced.

        Args:
            owner: the memory stays reserved as long as this object exists.
            nbytes: bytes that it is going to take in addition to those it has.
        """
        with self._changed:
            self._reserved[owner] = max(0, nbytes)
            self._changed.notify_all()

    def _grant(self, share: Share, nbytes: int, check: Callable[[], object]) -> float:
        """Wait until a share may grow or shrink to ``nbytes``; returns the seconds waited."""
        started = time.monotonic()
        with self._changed:
            # A waiting share holds nothing, so two shares never wait for each other.
            if nbytes > self._granted.pop(share, 0):
                self._changed.notify_all()
                while self._granted and nbytes + self._taken() > self._free():
                    check()
                    self._changed.wait(_RECHECK)
            self._granted[share] = nbytes
            self._changed.notify_all()
        return time.monotonic() - started

    def _taken(self) -> float:
        return sum(self._granted.values()) + sum(self._reserved.values())


class Share:
    """The memory that one picture may take, from decoding it to writing its result.

    Made by :meth:`MemoryBudget.share`.

    Attributes:
        times: memory needed after decoding, including the pixels, as a multiple of their bytes;
            0 if the picture is only read.
        waited: seconds spent waiting for other pictures.
    """

    def __init__(self, budget: MemoryBudget, check: Callable[[], object]) -> None:
        self.times = 0.0
        self.waited = 0.0
        self._budget, self._check = budget, check
        self._pixels = 0  # bytes decoded so far

    def before_decoding(self, pixels: int, needed: int) -> float:
        """Wait until other pictures leave enough memory to decode this one in another process.

        The two views of a dual-pixel camera are decoded one by one, each after its own wait.

        Args:
            pixels, needed: see :func:`decoding_bytes`.

        Returns:
            The seconds waited.
        """
        decoding = decoding_bytes(pixels, needed) + self._pixels
        return self._grant(max(decoding, self._held(self._pixels + pixels)))

    def decoded(self, pixels: int) -> None:
        """Wait for the memory of the steps after decoding; no wait if decoding took more.

        Args:
            pixels: bytes of the decoded pixels.
        """
        self._pixels += pixels
        self._grant(self._held(self._pixels))

    def _held(self, pixels: int) -> int:
        return int(self.times * pixels)

    def _grant(self, nbytes: int) -> float:
        waited = self._budget._grant(self, nbytes, self._check)
        self.waited += waited
        return waited
