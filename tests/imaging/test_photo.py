"""Photos made from arrays, and their restoration by a network's output."""

from __future__ import annotations

import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays_come_back_as_they_were(dtype, channels):
    array = samples.noise(channels, "uint16" if dtype == "uint16" else "uint8")
    if dtype.startswith("float"):
        array = (array / 255).astype(dtype)
    photo = from_array(array)
    same = photo.with_restored(photo.to_float())
    assert same.pixels.dtype == dtype
    np.testing.assert_allclose(same.to_array(), array, atol=1e-7)
    if dtype.startswith("uint"):
        np.testing.assert_array_equal(same.to_array(), array)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("grey", [False, True])
def test_identity_network_keeps_every_code(dtype, grey):
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 64)
    photo = from_array(codes if grey else np.dstack([codes] * 3))
    rgb = photo.to_float()
    assert rgb.shape == (*codes.shape, 3) and rgb.dtype == np.float32
    assert rgb.min() == 0 and rgb.max() == 1
    np.testing.assert_array_equal(photo.with_restored(rgb).pixels, photo.pixels)


def test_restored_values_are_rounded_and_clipped():
    photo = from_array(np.zeros((1, 4, 3), np.uint8))
    values = np.array([0.4999 / 255, 0.5001 / 255, -3, np.inf], np.float32)
    restored = photo.with_restored(np.repeat(values, 3).reshape(1, 4, 3))
    np.testing.assert_array_equal(restored.pixels[0, :, 0], [0, 1, 0, 255])


def test_grey_takes_the_mean_and_keeps_its_alpha():
    photo = from_array(samples.noise(2, "uint8", 1, 2))
    rgb = np.array([[[0.0, 0.3, 0.6], [1, 1, 0.7]]], np.float32)
    restored = photo.with_restored(rgb)
    np.testing.assert_array_equal(restored.pixels[0, :, 0], np.rint([0.3 * 255, 0.9 * 255]))
    np.testing.assert_array_equal(restored.alpha, photo.alpha)


def test_restored_array_is_not_modified():
    photo = from_array(samples.ramp())
    rgb = photo.to_float() * 2 - 0.5
    before = rgb.copy()
    photo.with_restored(rgb)
    np.testing.assert_array_equal(rgb, before)
    photo.to_float()[:] = 0
    np.testing.assert_array_equal(photo.pixels, samples.ramp())


def test_invalid_network_output_is_refused():
    photo = from_array(samples.ramp())
    rgb = photo.to_float()
    rgb[3, 4, 1] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        photo.with_restored(rgb)
    with pytest.raises(ImageError, match=r"\(48, 64, 3\) was expected"):
        photo.with_restored(rgb[1:])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4), np.int32), "int32"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.array([["a"]]), "not a photograph"),
        (np.zeros((4, 4, 5), np.uint8), r"\(4, 4, 5\)"),
        (np.zeros((3,), np.uint8), r"shape \(3"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.full((4, 4), 200.0), r"divide by 255"),
        (np.full((4, 4), np.nan), r"must lie in \[0, 1\]"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\(2, 4, 4, 3\)"),
    ],
)
def test_invalid_arrays_are_refused(array, words):
    with pytest.raises(ImageError, match=words):
        from_array(array)


def test_arrays_of_any_memory_layout_are_accepted():
    picture = samples.noise(3, "uint16")
    for view in (picture[::-1, ::2], picture.astype(">u2"), np.asfortranarray(picture)):
        photo = from_array(view)
        assert photo.pixels.flags.c_contiguous and photo.pixels.dtype.isnative
        np.testing.assert_array_equal(photo.pixels, view)
        assert not np.shares_memory(photo.pixels, view)


@settings(max_examples=30, deadline=None)
@given(bits=st.sampled_from([8, 16]), value=st.floats(0, 1), channels=st.integers(1, 4))
def test_changing_the_depth_rounds(bits, value, channels):
    photo = from_array(np.full((2, 3, channels), value)).with_depth(bits)
    top = 2**bits - 1
    assert photo.to_array().dtype == f"uint{bits}"
    assert np.abs(photo.to_array() - value * top).max() <= 0.5 + 1e-6


def test_float32_becomes_the_nearest_16_bit_code():
    values = np.random.default_rng(0).random((40, 50, 3), np.float32)
    expected = np.rint(values.astype(np.float64) * 65535)
    np.testing.assert_array_equal(from_array(values).with_depth(16).pixels, expected)
