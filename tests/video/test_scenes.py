import numpy as np
import pytest
from video_samples import picture

from ppgan_mpr.video.scenes import SceneChanges, cumulative_histograms, distance


def starts(pictures):
    changes = SceneChanges()
    return [number for number, one in enumerate(pictures) if changes.starts_with(one)]


def test_noise_and_motion_do_not_start_scenes():
    assert starts(picture(number, (96, 64), noise=20) for number in range(20)) == [0]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_cut_starts_a_scene(depth):
    pictures = [picture(n, (96, 64), seed=4 if n >= 3 else 0) for n in range(6)]
    factor = 257 if depth == np.uint16 else 1
    assert starts(one.astype(depth) * depth(factor) for one in pictures) == [0, 3]


def test_a_slow_change_starts_a_scene_after_some_time():
    pictures = [np.full((8, 8, 3), 40 + 2 * number, np.uint8) for number in range(60)]
    found = starts(pictures)
    assert found[0] == 0
    assert 2 <= len(found) <= 5


def test_scenes_continue_from_a_saved_state():
    pictures = [picture(number, (96, 64), seed=4 if number >= 3 else 0) for number in range(6)]
    before = SceneChanges()
    for one in pictures[:4]:
        before.starts_with(one)
    after = SceneChanges(before.reference, before.previous)
    assert not after.starts_with(pictures[4])


def test_distance_is_the_mean_change_of_the_values():
    dark, light = (np.full((8, 8, 3), level, np.uint8) for level in (0, 128))
    found = distance(cumulative_histograms(dark), cumulative_histograms(light))
    assert found == pytest.approx(0.5)
