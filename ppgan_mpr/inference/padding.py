"""Pictures whose sides are no multiples of what a network wants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..imaging.padding import source_indices
from .tiling import Crop


class Padding:
    """A picture padded until height and width are multiples.

    The border mirrors the picture, so that no side meets an artificial edge; where the
    picture is too small to mirror, its last row or column is repeated.

    Args:
        height, width: of the picture.
        multiple: of the grown picture's sides.
        sides: where it is padded, see :func:`ppgan_mpr.imaging.padding.source_indices`.

    Attributes:
        height, width: of the grown picture.
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
        """The function that crops the grown picture, from one that crops the picture."""
        if (self.height, self.width) == self._size:
            return crop

        def padded(rows: slice, columns: slice) -> np.ndarray:
            down, across = self._rows[rows], self._columns[columns]
            top, left = down.min(), across.min()
            region = crop(slice(top, down.max() + 1), slice(left, across.max() + 1))
            return region[(down - top)[:, None], across - left]

        return padded

    def cut(self, rows: slice, strip: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Of a strip [rows, W, C] of the grown picture what belongs to the picture, if any."""
        height, width = self._size
        start, stop = max(rows.start - self._top, 0), min(rows.stop - self._top, height)
        if start < stop:
            inner = slice(start + self._top - rows.start, stop + self._top - rows.start)
            yield slice(start, stop), strip[inner, self._left : self._left + width]
