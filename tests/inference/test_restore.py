import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.inference import pad_to_multiple, restore

sides = st.integers(1, 40)


@given(sides, sides)
def test_padding_cuts_back_exactly(height, width):
    image = np.random.default_rng(height * 41 + width).random([height, width, 3], np.float32)
    padded, original = pad_to_multiple(image, 8)
    assert padded.shape[0] % 8 == padded.shape[1] % 8 == 0
    assert padded.shape[0] - height < 8
    assert padded.shape[1] - width < 8
    np.testing.assert_array_equal(padded[original], image)


def test_padding_mirrors_on_both_sides():
    row = np.arange(13, dtype=np.float32)[None, :, None].repeat(8, axis=0)
    padded, _ = pad_to_multiple(row, 8)
    assert padded[0, :, 0].tolist() == [1, *range(13), 11, 10]


def test_tiny_pictures_repeat_their_edge():
    padded, _ = pad_to_multiple(np.array([[[3.0], [5.0]]]), 8)
    assert padded.shape == (8, 8, 1)
    assert padded[0, :, 0].tolist() == [3, 3, 3, 3, 5, 5, 5, 5]


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 30)])
def test_identity_network_changes_nothing(size):
    image = np.random.default_rng(0).random([*size, 3], np.float32)
    seen = []
    restored = restore(image, lambda batch: seen.append(batch.shape) or batch, 8)
    np.testing.assert_array_equal(restored, image)
    assert seen[0][:2] == (1, 3)
