"""The predictor that most tests of this folder share."""

import pytest

from ppgan_mpr import MPRPredictor


@pytest.fixture(scope="session")
def denoise():
    """A predictor that writes no files, shared by the tests that need none."""
    return MPRPredictor(None, task="Denoising", model="lite", precision="f32")
