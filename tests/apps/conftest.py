"""Predictors, pictures and folders for several tests of this folder."""

import os

import pytest
from apps_samples import picture
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


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder of two pictures, and two sub-folders that may not be searched."""
    for name in ("a.png", "b.png"):
        picture().save(tmp_path / name)
    for name in ("locked2", "locked10"):
        (tmp_path / name).mkdir()
    scandir = os.scandir

    def refuse(path):
        if "locked" in os.fspath(path):  # real permissions do not stop the superuser
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return tmp_path
