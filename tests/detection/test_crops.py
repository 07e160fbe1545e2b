import numpy as np
import pytest

from ppgan_mpr.detection.crops import crops_of, overview_of
from ppgan_mpr.imaging import from_array


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (256, 256), (321, 481), (100, 3000)])
def test_crops_have_one_bounded_size(size):
    crops = crops_of(from_array(np.zeros([*size, 3], np.uint8)))
    assert 1 <= len(crops) <= 8
    assert len({crop.shape for crop in crops}) == 1
    assert max(crops[0].shape) <= 256


def test_a_large_photo_has_eight_crops():
    photo = from_array(np.zeros([3000, 4000, 3], np.uint8))
    assert len(crops_of(photo)) == 8
    assert max(overview_of(photo).shape) < 512


def test_a_picture_of_a_crops_size_is_measured_whole():
    picture = np.random.default_rng(0).integers(0, 256, [256, 256, 3], np.uint8)
    (crop,) = crops_of(from_array(picture))
    np.testing.assert_array_equal(crop, picture.astype(np.float32) / 255)


def test_the_part_with_structure_is_among_the_crops():
    picture = np.zeros([1500, 3000, 3], np.uint8)
    picture[1100:1500, 2500:3000] = np.random.default_rng(0).integers(0, 256, [400, 500, 3])
    assert max(crop.std() for crop in crops_of(from_array(picture))) > 0.1
