"""Enlarge low-resolution pictures, for networks whose input and output have one size."""

from __future__ import annotations

import numpy as np
from PIL import Image

_REACH = 2  # pixels that bicubic interpolation looks at on each side


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
        box: (left, top, right, bottom), the part to enlarge; what surrounds it takes part in
            the interpolation. None enlarges all.

    Returns:
        float32 [height, width, C] in [0, 1], not rounded.
    """
    unit = np.float32(1 if pixels.dtype.kind == "f" else 1 / np.iinfo(pixels.dtype).max)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) * unit
    planes = [
        Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC, box)
        for plane in planes
    ]
    return np.stack(planes, axis=-1).clip(0, 1)


def source_range(start: int, length: int, scale: int, limit: int) -> tuple[int, int]:
    """What has to be read of a side to enlarge a part of it as if all had been enlarged.

    Args:
        start, length: of the part, in pixels of the enlarged picture.
        scale: of the enlargement.
        limit: pixels of the small picture's side.

    Returns:
        The first pixel of the small picture and the one behind the last.
    """
    stop = -(-(start + length) // scale)
    return max(0, start // scale - _REACH), min(limit, stop + _REACH)
