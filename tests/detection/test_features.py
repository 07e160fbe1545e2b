import numpy as np
import pytest
from detection_samples import noisy, rained_on, scene, shaken

from ppgan_mpr.detection.features import measure


def measured(picture):
    picture = picture.clip(0, 1).astype(np.float32)[:256, :256]
    return measure([picture], picture[::4, ::4])


def test_the_noise_level_is_measured():
    level = np.exp(measured(noisy(np.full([256, 256, 3], 0.5), 0.05))["noise0_blue_50"])
    # Blue minus luma: variance of blue itself plus that of the other channels' shares.
    assert level == pytest.approx(0.05 * np.sqrt(0.886**2 + 0.299**2 + 0.587**2), rel=0.1)


def test_edges_across_the_motion_are_flatter_than_along_it():
    sharp, blurred = measured(scene()), measured(shaken(scene()))
    assert blurred["s1_edge_directions"] < sharp["s1_edge_directions"] - 0.2


def test_motion_blur_leaves_an_echo():
    sharp, blurred = measured(scene()), measured(shaken(scene(), 17))
    assert blurred["echo_12_low"] < sharp["echo_12_low"] - 0.05
    assert blurred["echo_2_rms"] > sharp["echo_2_rms"] + 0.5


def test_streaks_share_one_direction():
    rain, clean = measured(rained_on(scene())), measured(scene())
    assert rain["s0_streak_peak"] > clean["s0_streak_peak"] + 0.1
    assert rain["s0_thin5_bright"] > clean["s0_thin5_bright"] + 0.3
    assert rain["s0_streak_tilt"] < 0.3  # nearly upright


def test_every_picture_has_all_measurements_with_finite_values():
    names = list(measured(scene()))
    for value in (0.0, 1.0):
        flat = measured(np.full([128, 128, 3], value))
        assert list(flat) == names
        assert np.isfinite(list(flat.values())).all()
