"""Luma (the Y channel) of RGB pictures, on which deraining is scored."""

from __future__ import annotations

import numpy as np

from ..imaging.samples import white

_WEIGHTS = (65.481, 128.553, 24.966)  # ITU-R BT.601, studio range: black 16, white 235 of 255


def rgb_to_luma(image: np.ndarray) -> np.ndarray:
    """The Y channel as MATLAB's ``rgb2ycbcr`` computes it.

    ``Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255`` for R, G, B in [0, 1]. As in MATLAB,
    the luma of integers is rounded to the same type, and the luma of floats is not rounded.

    Args:
        image: [H, W, 3] uint8, uint16 or float in [0, 1]. A grey picture [H, W, 1] counts as
            three equal channels.

    Returns:
        [H, W, 1] of the same type.
    """
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    rounded = image.dtype.kind == "u"
    peak = white(image.dtype)
    luma = np.full(image.shape[:2], 16 * peak / 255, np.float64 if rounded else image.dtype)
    for channel, weight in enumerate(_WEIGHTS):  # one channel at a time takes a third of the memory
        luma += image[..., channel] * luma.dtype.type(weight / 255)
    if rounded:
        luma = np.floor(luma + 0.5)  # MATLAB rounds halves up, np.round to even
    return luma.astype(image.dtype)[..., None]
