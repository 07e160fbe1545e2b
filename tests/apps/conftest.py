"""The predictor and the pictures that several tests of this folder share."""

import pytest
from detection_samples import SMALL, codes, noisy, rained_on, scene
from PIL import Image

from ppgan_mpr import MPRPredictor


@pytest.fixture(scope="session")
def denoise():
    """A predictor that writes no files, shared by the tests that need none."""
    return MPRPredictor(None, task="Denoising", model="lite", precision="f32")


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A folder with a noisy, a rainy and a clean picture."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixed").mkdir()
    pictures = {"noisy": noisy(scene(**SMALL)), "rainy": rained_on(scene(**SMALL)),
                "sharp": scene(**SMALL)}  # fmt: skip
    for name, content in pictures.items():
        Image.fromarray(codes(content)).save(tmp_path / "mixed" / f"{name}.png")
    return tmp_path / "mixed"
