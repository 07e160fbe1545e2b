"""Conversion of samples between integer codes and floats in [0, 1].

Everything that turns pixels into a network's input, or its output into pixels, goes through this
module, so that training, restoring and scoring compute the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

# Largest code of each sample type; floats already are in [0, 1].
_WHITE = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}


def white(dtype: DTypeLike) -> int:
    """Sample value of white: 255 for uint8, 65535 for uint16, 1 for floats."""
    return _WHITE[np.dtype(dtype).name]


def to_float(samples: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Convert integer codes to floats in [0, 1]; floats only change their type.

    Codes are divided by white, as torchvision's ``ToTensor`` does. The quotient is rounded once;
    a product with 1/white would be rounded twice and differ in the last bit.

    Args:
        samples: uint8, uint16 or floats, of any shape.
        dtype: of the result.

    Returns:
        A new array of the same shape and memory layout.
    """
    scaled = samples.astype(dtype)
    top = white(samples.dtype)
    if top != 1:
        scaled /= top
    return scaled


def to_dtype(samples: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Convert samples to another type: floats are clipped to [0, 1], codes rounded to nearest.

    Args:
        samples: uint8, uint16 or floats, of any shape; this array itself is not changed.
        dtype: uint8, uint16 or a floating-point type.

    Returns:
        An array of ``dtype``; ``samples`` itself if it already holds codes of that type.
    """
    dtype = np.dtype(dtype)
    if samples.dtype.kind == "u":
        if samples.dtype == dtype:
            return samples
        if dtype.kind == "f":
            return to_float(samples, dtype)
        return rescale(samples, white(samples.dtype), dtype)
    unit = np.clip(samples, 0, 1)  # a copy, which the next lines change
    if dtype.kind == "f":
        return unit.astype(dtype, copy=False)
    if unit.dtype == np.float16:  # too coarse for 16-bit codes
        unit = unit.astype(np.float32)
    unit *= white(dtype)
    return np.rint(unit, out=unit).astype(dtype)


def rescale(codes: np.ndarray, top: int, dtype: DTypeLike) -> np.ndarray:
    """Scale integer codes from [0, ``top``] to the full range of another integer type."""
    return np.rint(codes * (white(dtype) / top)).astype(dtype)
