"""Decoded pictures in memory that all worker processes of a loader share."""

from __future__ import annotations

import mmap
import multiprocessing
from collections.abc import Sequence

import numpy as np

from ..imaging.header import Header


class DecodedCache:
    """Keeps the first pictures of a data set decoded, as many as fit.

    Every picture of a shuffled epoch is needed once, so no choice of pictures to keep is better
    than another and nothing is ever thrown out. The memory is anonymous and shared: forked
    workers see one copy, pages are taken only when a picture is stored, and the system frees
    them with the last process, however it ends. With several training processes on a machine
    (one a GPU), each has its own cache.

    Args:
        headers: of all pictures, in the order of their numbers.
        limit: bytes to use at most.
    """

    def __init__(self, headers: Sequence[Header], limit: int):
        self._headers = headers
        ends = np.cumsum([header.nbytes for header in headers], dtype=np.int64)
        self._count = int(np.searchsorted(ends, limit, side="right"))
        self._starts = np.concatenate([[0], ends])[: self._count + 1]
        # First one byte for each picture, 1 where it is stored; then the pixels.
        self._memory = mmap.mmap(-1, max(1, self._count + int(self._starts[-1])))
        # Orders the stores: a process that reads the byte as 1 must also see the pixels.
        self._lock = multiprocessing.Lock()

    def __len__(self) -> int:
        """Number of pictures that fit."""
        return self._count

    def get(self, number: int) -> np.ndarray | None:
        """The pixels [H, W, 3] of a picture, read-only, or None where they are not stored."""
        if number >= self._count:
            return None
        with self._lock:
            if not self._memory[number]:
                return None
        pixels = self._slot(number)
        pixels.flags.writeable = False
        return pixels

    def put(self, number: int, pixels: np.ndarray) -> None:
        """Store the pixels of a picture if there is room for it."""
        if number >= self._count or pixels.nbytes != self._headers[number].nbytes:
            return
        # Two workers may store the same picture at once: they write the same bytes.
        self._slot(number)[:] = pixels
        with self._lock:
            self._memory[number] = 1

    def _slot(self, number: int) -> np.ndarray:
        header = self._headers[number]
        return np.ndarray(
            (header.height, header.width, 3),
            np.uint16 if header.itemsize == 2 else np.uint8,
            buffer=self._memory,
            offset=self._count + int(self._starts[number]),
        )
