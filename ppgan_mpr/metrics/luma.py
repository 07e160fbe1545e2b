"""The luma on which deraining is scored."""

from __future__ import annotations

import numpy as np

_WEIGHTS = (65.481, 128.553, 24.966)  # ITU-R BT.601, studio range: black 16, white 235 of 255


def rgb_to_luma(image: np.ndarray) -> np.ndarray:
    """The Y channel as MATLAB's ``rgb2ycbcr`` computes it.

    ``Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255`` for R, G, B in [0, 1]. As in MATLAB
    the type decides about rounding: integers give integers of the same type, floats floats.

    Args:
        image: [H, W, 3] uint8, uint16 or float in [0, 1]. A grey picture [H, W, 1] counts
            as three equal channels, so that its luma does not depend on how it is stored.

    Returns:
        [H, W, 1] of the same type.
    """
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    rounded = np.issubdtype(image.dtype, np.integer)
    peak = np.iinfo(image.dtype).max if rounded else 1
    luma = np.full(image.shape[:2], 16 * peak / 255, np.float64 if rounded else image.dtype)
    for channel, weight in enumerate(_WEIGHTS):  # one at a time: a third of the memory
        luma += image[..., channel] * luma.dtype.type(weight / 255)
    if rounded:
        luma = np.floor(luma + 0.5)  # MATLAB rounds halves up, np.round to even
    return luma.astype(image.dtype)[..., None]
