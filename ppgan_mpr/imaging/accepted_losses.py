"""Reduces a photo to what a format can store, for users who accept the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .formats import Writable
from .losses import blocks_too_long
from .photo import Photo
from .samples import to_dtype, to_float


def without_lost(photo: Photo, target: Writable) -> Photo:
    """The photo reduced to what the format can store.

    Transparent parts are blended with white, 16 bits are rounded to 8, and blocks of metadata that
    are too long are left out.
    """
    if not target.deep and photo.pixels.dtype == np.uint16:
        photo = photo.with_depth(8)
    if not target.alpha and photo.alpha is not None:
        photo = replace(photo, pixels=_blend_with_white(photo.pixels, photo.alpha), alpha=None)
    left_out: dict[str, Any] = dict.fromkeys(blocks_too_long(photo.metadata, target))
    return replace(photo, metadata=replace(photo.metadata, **left_out)) if left_out else photo


def _blend_with_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blend pixels [H, W, C] with white by their alpha [H, W]."""
    shown = pixels.copy()
    for row, opacity in zip(shown, alpha):  # row by row: floats take four times the memory
        row[:] = to_dtype(1 - to_float(opacity[:, None]) * (1 - to_float(row)), row.dtype)
    return shown
