import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.inference.padding import Padding

sides = st.integers(1, 40)


def pad(image, multiple):
    padding = Padding(*image.shape[:2], multiple)
    crop = padding.crop(lambda rows, columns: image[rows, columns])
    whole = slice(0, padding.height), slice(0, padding.width)
    return padding, crop(*whole)


@given(sides, sides)
def test_padding_is_removed_exactly(height, width):
    image = np.random.default_rng(height * 41 + width).random([height, width, 3], np.float32)
    padding, padded = pad(image, 8)
    assert padded.shape[0] % 8 == padded.shape[1] % 8 == 0
    assert padded.shape[0] - height < 8
    assert padded.shape[1] - width < 8
    ((rows, restored),) = padding.cut(slice(0, padding.height), padded)
    assert rows == slice(0, height)
    np.testing.assert_array_equal(restored, image)


def test_border_mirrors_on_both_sides():
    row = np.arange(13, dtype=np.float32)[None, :, None].repeat(8, axis=0)
    _, padded = pad(row, 8)
    assert padded[0, :, 0].tolist() == [1, *range(13), 11, 10]


def test_tiny_pictures_repeat_their_edge():
    _, padded = pad(np.array([[[3.0], [5.0]]]), 8)
    assert padded.shape == (8, 8, 1)
    assert padded[0, :, 0].tolist() == [3, 3, 3, 3, 5, 5, 5, 5]


@given(st.integers(9, 60), st.integers(1, 50))
def test_regions_of_the_padded_picture_can_be_cropped(height, start):
    image = np.random.default_rng(height).random([height, 5, 3])
    padding, padded = pad(image, 8)
    start = min(start, padding.height - 8)
    crop = padding.crop(lambda rows, columns: image[rows, columns])
    region = crop(slice(start, start + 8), slice(2, 7))
    np.testing.assert_array_equal(region, padded[start : start + 8, 2:7])
