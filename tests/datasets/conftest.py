"""Small pictures and folders of pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def picture():
    """Makes RGB pixels: smooth, with some noise, as photos are."""

    def make(height=40, width=48, seed=0, dtype=np.uint8):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width] / max(height, width)
        planes = [np.sin(6 * x * k + seed) + np.cos(5 * y / k) for k in (1, 2, 3)]
        pixels = np.stack(planes, -1) / 4 + 0.5 + rng.normal(0, 0.02, (height, width, 3))
        return (pixels.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)

    return make


@pytest.fixture
def write():
    """Writes RGB or grey pixels to a file, by its extension."""

    def save(path, pixels, *options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = pixels[..., ::-1] if pixels.ndim == 3 and pixels.shape[-1] == 3 else pixels
        assert cv2.imwrite(str(path), pixels, list(options))
        return path

    return save


@pytest.fixture
def pair_folder(tmp_path, picture, write):
    """Makes input/ and target/ with ``count`` pairs; the target is the input's negative."""

    def make(count=5, name="set", **options):
        for number in range(count):
            pixels = picture(seed=number, **options)
            write(tmp_path / name / "input" / f"{number}.png", pixels)
            write(tmp_path / name / "target" / f"{number}.png", np.iinfo(pixels.dtype).max - pixels)
        return tmp_path / name

    return make
