from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.apps.network_input import blank_result, network_input, weakened
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import Metadata, Photo, from_array
from ppgan_mpr.imaging.enlarge import enlarge


def noise(height=20, width=26, channels=3, dtype=np.uint8, seed=0):
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(seed).integers(0, top, (height, width, channels), dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_crop_is_a_part_of_the_picture_in_colour(dtype, channels):
    photo = from_array(noise(channels=channels, dtype=dtype))
    crop = network_input(photo, None, 1)(slice(3, 9), slice(20, 26))
    assert crop.dtype == np.float32
    np.testing.assert_array_equal(crop, photo.to_float()[3:9, 20:26])


def test_left_view_comes_before_the_right_one():
    left, right = (from_array(noise(seed=seed)) for seed in (0, 1))
    crop = network_input(left, right, 1)(slice(0, 20), slice(5, 9))
    np.testing.assert_array_equal(crop[..., :3], left.to_float()[:, 5:9])
    np.testing.assert_array_equal(crop[..., 3:], right.to_float()[:, 5:9])
    with pytest.raises(ImageError, match="is 26 x 19 pixels, but the left view is 26 x 20"):
        network_input(left, from_array(noise(height=19)), 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarged_crop_is_a_part_of_the_enlarged_picture(scale):
    photo = from_array(noise())
    whole = enlarge(photo.pixels, 20 * scale, 26 * scale)
    crop = network_input(photo, None, scale)
    for rows, columns in (
        (slice(0, 20 * scale), slice(0, 26 * scale)),
        (slice(7, 19), slice(5, 31)),
        (slice(20 * scale - 9, 20 * scale), slice(26 * scale - 1, 26 * scale)),
    ):
        np.testing.assert_allclose(crop(rows, columns), whole[rows, columns], atol=1e-6)


def test_result_shares_the_memory_of_a_decoded_file_but_not_of_an_array():
    photo = from_array(noise(channels=4))
    assert np.shares_memory(blank_result(photo, 1, in_place=True).pixels, photo.pixels)
    result = blank_result(photo, 1, in_place=False)
    assert not np.shares_memory(result.pixels, photo.pixels)
    assert (result.pixels.shape, result.pixels.dtype) == (photo.pixels.shape, photo.pixels.dtype)
    np.testing.assert_array_equal(result.alpha, photo.alpha)
    photo.pixels.flags.writeable = False
    assert not np.shares_memory(blank_result(photo, 1, in_place=True).pixels, photo.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_enlarged_result_has_enlarged_alpha_and_the_metadata(dtype):
    photo = from_array(noise(channels=4, dtype=dtype))
    photo = Photo(photo.pixels, photo.alpha, Metadata(dpi=(300.0, 300.0)))
    result = blank_result(photo, 2, in_place=True)
    assert result.pixels.shape == (40, 52, 3)
    assert result.metadata == photo.metadata
    expected = enlarge(photo.alpha[..., None], 40, 52)[..., 0] * np.iinfo(dtype).max
    assert result.alpha.dtype == dtype
    np.testing.assert_allclose(result.alpha, expected, atol=0.51)


def test_strength_blends_the_original_with_the_restored_picture():
    original = np.full([2, 2, 3], 0.2, np.float32)
    restored = np.full([2, 2, 3], 0.6, np.float32)
    assert np.array_equal(weakened(restored, original, 0), original)
    assert np.allclose(weakened(restored, original, 0.25), 0.3)
    assert np.allclose(weakened(restored, original, 1), restored)


def test_left_view_is_the_original_for_blending():
    views = np.concatenate([np.zeros([2, 2, 3]), np.ones([2, 2, 3])], axis=2).astype(np.float32)
    assert np.allclose(weakened(np.ones([2, 2, 3], np.float32), views, 0.5), 0.5)


def test_overshoot_of_the_network_is_clipped_before_blending():
    original = np.zeros([1, 1, 3], np.float32)
    assert np.allclose(weakened(original + 2, original, 0.5), 0.5)
