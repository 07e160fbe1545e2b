"""Memory shared by the pictures that are in work at the same time."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator

from ..free_memory import available

_AGAIN = 1.0  # seconds after which waiting pictures look again, as other programs end too
_PROCESS = 1 << 27  # bytes that a decoding process takes before it decodes


def decoding_bytes(pixels: int, needed: int) -> int:
    """Bytes that decoding a picture in another process takes in both of them.

    Args:
        pixels: of its decoded pixels, which arrive here while the decoder still has them.
        needed: that the decoder is going to hold.
    """
    return _PROCESS + needed + pixels


class MemoryBudget:
    """Shares the free memory among pictures, which wait while the others hold too much of it.

    Each of them alone would find all of the free memory at its disposal. A picture that is alone
    is granted what it asks for: whether that fits is checked elsewhere.

    Args:
        free: bytes of memory that are free.
    """

    def __init__(self, free: Callable[[], int] = available) -> None:
        self._free = free
        self._granted: dict[Share, int] = {}
        self._reserved: weakref.WeakKeyDictionary[object, float] = weakref.WeakKeyDictionary()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def share(self, check: Callable[[], object] | None = None) -> Iterator[Share]:
        """The share of one picture, which is given back when the block ends.

        Args:
            check: is called again and again while the picture waits; may raise an error.
        """
        share = Share(self, check or (lambda: None))
        try:
            yield share
        finally:
            with self._changed:
                self._granted.pop(share, None)
                self._changed.notify_all()

    def reserve(self, owner: object, nbytes: float) -> None:
        """Set aside what is no picture's, in the place of what was set aside for the same owner.

        Args:
            owner: such as a network; the memory is set aside as long as the object exists.
            nbytes: bytes that it is going to take beside those it has.
        """
        with self._changed:
            self._reserved[owner] = max(0, nbytes)
            self._changed.notify_all()

    def _grant(self, share: Share, nbytes: int, check: Callable[[], object]) -> float:
        """Wait until a share may grow or shrink to so many bytes; returns the seconds waited."""
        started = time.monotonic()
        with self._changed:
            # Whoever waits holds nothing here, so that no two wait for each other.
            if nbytes > self._granted.pop(share, 0):
                self._changed.notify_all()
                while self._granted and nbytes + self._taken() > self._free():
                    check()
                    self._changed.wait(_AGAIN)
            self._granted[share] = nbytes
            self._changed.notify_all()
        return time.monotonic() - started

    def _taken(self) -> float:
        return sum(self._granted.values()) + sum(self._reserved.values())


class Share:
    """The memory that one picture may take, from decoding it to writing its result.

    Made by :meth:`MemoryBudget.share`.

    Attributes:
        times: how many times the bytes of its decoded pixels are held after decoding, themselves
            included; 0 where it is only read.
        waited: seconds for which it has waited for other pictures.
    """

    def __init__(self, budget: MemoryBudget, check: Callable[[], object]) -> None:
        self.times = 0.0
        self.waited = 0.0
        self._budget, self._check = budget, check
        self._pixels = 0  # bytes of what has been decoded

    def before_decoding(self, pixels: int, needed: int) -> float:
        """Wait until a picture, or one view of it, may be decoded in another process.

        Args:
            pixels, needed: see :func:`decoding_bytes`.

        Returns:
            The seconds that it has waited.
        """
        decoding = decoding_bytes(pixels, needed) + self._pixels
        return self._grant(max(decoding, self._held(self._pixels + pixels)))

    def decoded(self, pixels: int) -> None:
        """Wait until what follows decoding may be done; no wait where decoding took more.

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
