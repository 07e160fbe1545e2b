import numpy as np
import pytest

from ppgan_mpr.metrics import rgb_to_luma


def test_luma_rounds_integers_as_matlab_does():
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [10, 20, 30]]], np.uint8)
    assert rgb_to_luma(colours)[..., 0].tolist() == [[16, 235, 81, 32]]
    exact = rgb_to_luma(colours / 255)[..., 0] * 255
    assert exact == pytest.approx(np.array([[16, 235, 81.481, 31.5876]]), abs=1e-3)
    assert rgb_to_luma(colours.astype(np.uint16) * 257)[0, 1, 0] == 235 * 257
