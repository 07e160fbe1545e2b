"""Bicubic enlargement, for super-resolution networks whose input and output have the same size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .samples import to_float

_REACH = 2  # pixels that bicubic interpolation uses on each side


def enlarge(
    pixels: np.ndarray,
    height: int,
    width: int,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Bicubic interpolation (Keys 1981, a = -0.5, as in MATLAB's imresize and Pillow).

    Args:
        pixels: [h, w, C], uint8, uint16, or floating point in [0, 1].
        height, width: of the result.
        box: (left, top, right, bottom), the part to enlarge, in pixels; the interpolation uses
            the pixels around it too. None enlarges the whole picture.

    Returns:
        float32 [height, width, C] in [0, 1], not rounded.
    """
    planes = to_float(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    enlarged = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC, box))
        for plane in planes
    ]
    return np.stack(enlarged, axis=-1).clip(0, 1)


def source_range(start: int, length: int, scale: int, limit: int) -> tuple[int, int]:
    """The range of pixels along a side that is needed to enlarge a part of it exactly.

    Args:
        start, length: of the part, in pixels of the enlarged picture.
        scale: of the enlargement.
        limit: length of the small picture's side in pixels.

    Returns:
        The first pixel of the small picture, and the one after the last.
    """
    stop = -(-(start + length) // scale)
    return max(0, start // scale - _REACH), min(limit, stop + _REACH)
