import numpy as np
import pytest

from ppgan_mpr.inference.shared_statistics import SceneStatistics, sample_mosaic

SIDES = [8, 16, 24, 40, 48, 56, 64, 100 // 8 * 8, 120, 128, 200, 1000]


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
def test_each_quadrant_of_the_mosaic_comes_from_the_same_quadrant(height, width):
    rows, columns = np.mgrid[:height, :width]
    quadrants = (2 * (columns >= width // 2) + (rows >= height // 2)).astype(np.float32)
    sample = sample_mosaic(height, width, lambda r, c: quadrants[r, c, None], 8)[..., 0]
    assert sample.shape[0] % 16 == sample.shape[1] % 16 == 0
    middle_row, middle_column = sample.shape[0] // 2, sample.shape[1] // 2
    if min(height, width) >= 16:  # halves of smaller sides have fewer than eight pixels
        assert (sample[:middle_row, :middle_column] == 0).all()
        assert (sample[middle_row:, :middle_column] == 1).all()
        assert (sample[:middle_row, middle_column:] == 2).all()
        assert (sample[middle_row:, middle_column:] == 3).all()


def test_mosaic_has_at_most_twice_the_given_number_of_pixels():
    sample = sample_mosaic(
        3000, 4000, lambda r, c: np.zeros([64, 64, 3], np.float32), 8, most=40_000
    )
    assert sample.shape[0] * sample.shape[1] <= 80_000


def test_statistics_of_a_scene_can_be_saved_and_loaded(tmp_path):
    scene = SceneStatistics()
    scene.measured = {
        step: [
            [np.full((1, 2, 1, 1), 10 * step + turn + k) for k in range(12)] for turn in range(2)
        ]
        for step in range(2)
    }
    np.savez(tmp_path / "scene.npz", other=np.zeros(1), **scene.to_arrays())
    with np.load(tmp_path / "scene.npz") as arrays:
        found = SceneStatistics.from_arrays(arrays)
    assert list(found.measured) == [0, 1]
    for step, transforms in scene.measured.items():
        for turn, statistics in enumerate(transforms):
            assert [s.tolist() for s in found.measured[step][turn]] == [
                s.tolist() for s in statistics
            ]
