"""Finds the part of a picture that a restoration has changed most."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SIDE = 96  # of the detail, in pixels of the photo
_STEP = 4  # pixels between the squares that are compared


def detail_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """The square of 96 x 96 pixels in which two pictures differ most.

    Args:
        before, after: RGB pictures of the same size; for small pictures, the square is smaller.

    Returns:
        Left, top, right and bottom in pixels, for :meth:`PIL.Image.Image.crop`.
    """
    side = min(_SIDE, *before.size)
    left, top = most_changed(before, after, side)
    return left, top, left + side, top + side


def most_changed(before: Image.Image, after: Image.Image, side: int) -> tuple[int, int]:
    """The square in which two pictures differ most.

    Args:
        before, after: RGB pictures of the same size.
        side: of the square, at most the pictures' shorter side.

    Returns:
        Left and top of the square in pixels; the middle for equal pictures.
    """
    width, height = before.size
    one, other = (np.asarray(picture, np.int16) for picture in (before, after))
    difference = np.abs(one - other).sum(axis=2, dtype=np.int64)  # [H, W]
    if not difference.any():
        return (width - side) // 2, (height - side) // 2
    # The summed-area table gives the sum over each square by four look-ups.
    table = np.pad(difference.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tops = np.arange(0, height - side + 1, _STEP)[:, None]
    lefts = np.arange(0, width - side + 1, _STEP)[None]
    sums = (
        table[tops + side, lefts + side]
        - table[tops, lefts + side]
        - table[tops + side, lefts]
        + table[tops, lefts]
    )
    row, column = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(lefts[0, column]), int(tops[row, 0])
