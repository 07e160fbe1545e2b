import numpy as np

from ppgan_mpr.apps.network_input import weakened


def test_strength_goes_from_the_original_to_the_restored_picture():
    original = np.full([2, 2, 3], 0.2, np.float32)
    restored = np.full([2, 2, 3], 0.6, np.float32)
    assert np.array_equal(weakened(restored, original, 0), original)
    assert np.allclose(weakened(restored, original, 0.25), 0.3)
    assert np.allclose(weakened(restored, original, 1), restored)


def test_of_two_views_the_left_one_is_the_original():
    views = np.concatenate([np.zeros([2, 2, 3]), np.ones([2, 2, 3])], axis=2).astype(np.float32)
    assert np.allclose(weakened(np.ones([2, 2, 3], np.float32), views, 0.5), 0.5)


def test_overshoot_of_the_network_is_clipped_before_blending():
    original = np.zeros([1, 1, 3], np.float32)
    assert np.allclose(weakened(original + 2, original, 0.5), 0.5)
