"""A picture and a predictor for the tests of the predictors."""

import numpy as np
from PIL import Image

from ppgan_mpr import MPRPredictor


def picture(seed=0, size=(24, 17), mode="RGB"):
    """A smooth random picture."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(80, 180, (4, 5, 3), np.uint8))
    return small.resize(size, Image.BICUBIC).convert(mode)


def predictor(tmp_path, **options):
    """The lite denoiser, whose results go to ``tmp_path / "out"``."""
    options = {"task": "Denoising", "model": "lite", **options}
    return MPRPredictor(tmp_path / "out", **options)
