import numpy as np
import pytest

from ppgan_mpr.inference.shared_statistics import sample_mosaic

SIDES = [8, 16, 24, 40, 48, 56, 64, 100 // 8 * 8, 120, 128, 200, 1000]


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
def test_mosaic_of_any_photo_takes_each_quadrant_from_its_own(height, width):
    rows, columns = np.mgrid[:height, :width]
    quadrants = (2 * (columns >= width // 2) + (rows >= height // 2)).astype(np.float32)
    sample = sample_mosaic(height, width, lambda r, c: quadrants[r, c, None], 8)[..., 0]
    assert sample.shape[0] % 16 == sample.shape[1] % 16 == 0
    middle_row, middle_column = sample.shape[0] // 2, sample.shape[1] // 2
    if min(height, width) >= 16:  # smaller sides have no halves of eight pixels
        assert (sample[:middle_row, :middle_column] == 0).all()
        assert (sample[middle_row:, :middle_column] == 1).all()
        assert (sample[:middle_row, middle_column:] == 2).all()
        assert (sample[middle_row:, middle_column:] == 3).all()


def test_mosaic_keeps_to_the_memory():
    sample = sample_mosaic(
        3000, 4000, lambda r, c: np.zeros([64, 64, 3], np.float32), 8, most=40_000
    )
    assert sample.shape[0] * sample.shape[1] <= 80_000
