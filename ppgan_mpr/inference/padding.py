"""Pads pictures whose sides are not multiples of the network's ``size_multiple``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..imaging.padding import source_indices
from .tiling import Crop


def padded(size: int, multiple: int) -> int:
    """The length of a side after padding: the next multiple."""
    return size + -size % multiple


class Padding:
    """A picture padded to multiples of a number.

    The border mirrors the picture, so that there is no artificial edge. If the picture is too small
    to mirror, its outermost row or column is repeated.

    Args:
        height, width: size of the picture.
        multiple: the sides of the padded picture are multiples of this number.
        sides: where it is padded, see :func:`ppgan_mpr.imaging.padding.source_indices`.

    Attributes:
        height, width: size of the padded picture.
    """

    def __init__(self, height: int, width: int, multiple: int, sides: str = "both"):
        self._rows = source_indices(height, multiple, sides)
        self._columns = source_indices(width, multiple, sides)
        at_start = sides == "both"
        self._top = (-height % multiple) // 2 if at_start else 0
        self._left = (-width % multiple) // 2 if at_start else 0
        self._size = height, width
        self.height, self.width = len(self._rows), len(self._columns)

    def crop(self, crop: Crop) -> Crop:
        """Turn a function that crops the picture into one that crops the padded picture."""
        if (self.height, self.width) == self._size:
            return crop

        def padded(rows: slice, columns: slice) -> np.ndarray:
            down, across = self._rows[rows], self._columns[columns]
            top, left = down.min(), across.min()
            region = crop(slice(top, down.max() + 1), slice(left, across.max() + 1))
            return region[(down - top)[:, None], across - left]

        return padded

    def cut(self, rows: slice, strip: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Remove the padding from a strip [rows, W, C]; yield nothing if all of it is padding."""
        height, width = self._size
        start, stop = max(rows.start - self._top, 0), min(rows.stop - self._top, height)
        if start < stop:
            inner = slice(start + self._top - rows.start, stop + self._top - rows.start)
            yield slice(start, stop), strip[inner, self._left : self._left + width]
