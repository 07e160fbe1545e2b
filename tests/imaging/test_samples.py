"""Conversion between sample codes and floats."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.imaging.samples import rescale, to_dtype, to_float, white


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_code_survives_conversion_to_float(dtype):
    codes = np.arange(white(dtype) + 1, dtype=dtype)
    unit = to_float(codes)
    assert unit.dtype == np.float32
    # rounded once, unlike a product with the reciprocal
    np.testing.assert_array_equal(unit, (codes.astype(np.float64) / white(dtype)).astype("f4"))
    for precision in ("float32", "float64"):
        np.testing.assert_array_equal(to_dtype(to_float(codes, precision), dtype), codes)


def test_floats_are_clipped_rounded_and_not_modified():
    values = np.array([-0.2, 0, 0.5 / 255, 0.6 / 255, 1, 1.7])
    given = values.copy()
    assert to_dtype(values, np.uint8).tolist() == [0, 0, 0, 1, 255, 255]
    assert to_dtype(values, np.float32).tolist()[-1] == 1
    np.testing.assert_array_equal(values, given)


def test_half_precision_values_are_scaled_exactly_to_16_bits():
    values = np.array([0.25, 0.75], np.float16)
    assert to_dtype(values, np.uint16).tolist() == [16384, 49151]


def test_codes_are_rescaled_to_another_depth():
    codes = np.arange(256, dtype=np.uint8)
    deep = to_dtype(codes, np.uint16)
    np.testing.assert_array_equal(deep, codes.astype(int) * 257)
    np.testing.assert_array_equal(to_dtype(deep, np.uint8), codes)
    assert to_dtype(codes, np.uint8) is codes
    assert rescale(np.array([0, 1023], np.uint16), 1023, np.uint16).tolist() == [0, 65535]
