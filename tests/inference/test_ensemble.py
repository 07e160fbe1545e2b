import numpy as np
import pytest
from inference_samples import psnr, restorer

from ppgan_mpr.inference.ensemble import TRANSFORMS


def test_ensemble_is_rotation_invariant(model, photo):
    photo = photo[:, :96]
    restore = restorer(model, ensemble=True)
    turned = np.ascontiguousarray(np.rot90(photo))
    np.testing.assert_allclose(restore(turned), np.rot90(restore(photo)), atol=1e-5)
    plain = restorer(model)
    assert np.abs(plain(turned) - np.rot90(plain(photo))).max() > 1e-4


def test_ensemble_works_in_tiles(model, photo):
    photo = np.tile(photo, [1, 2, 1])
    whole = restorer(model, ensemble=True)(photo)
    tiled = restorer(model, ensemble=True, tile=160, overlap=16)(photo)
    assert psnr(tiled, whole) > psnr(restorer(model)(photo), whole)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_each_flip_and_rotation_is_undone(transform):
    image = np.random.default_rng(0).random([4, 6, 3])
    np.testing.assert_array_equal(transform.undo(transform.apply(image)), image)


def test_all_eight_are_different_and_the_first_changes_nothing():
    image = np.arange(9).reshape(3, 3, 1)
    assert len({transform.apply(image).tobytes() for transform in TRANSFORMS}) == 8
    np.testing.assert_array_equal(TRANSFORMS[0].apply(image), image)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_place_of_a_part_is_transformed_with_the_picture(transform):
    image = np.zeros([8, 16, 1])
    image[2:4, 12:16] = 1
    top, left, height, width = transform.place(2 / 8, 12 / 16, 2 / 8, 4 / 16)
    rows, columns, _ = np.nonzero(transform.apply(image))
    sides = transform.apply(image).shape
    expected = rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1
    scaled = top * sides[0], left * sides[1], height * sides[0], width * sides[1]
    assert scaled == pytest.approx(expected)
