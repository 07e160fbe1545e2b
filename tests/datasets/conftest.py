"""Small pictures and folders of pairs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest


def _picture(height=40, width=48, seed=0, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [np.sin(6 * x * k + seed) + np.cos(5 * y / k) for k in (1, 2, 3)]
    pixels = np.stack(planes, -1) / 4 + 0.5 + rng.normal(0, 0.02, (height, width, 3))
    return (pixels.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def _write(path, pixels, *options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = pixels[..., ::-1] if pixels.ndim == 3 and pixels.shape[-1] == 3 else pixels
    assert cv2.imwrite(str(path), pixels, list(options))
    return path


def _make_pairs(folder, count=5, **options):
    for number in range(count):
        pixels = _picture(seed=number, **options)
        _write(folder / "input" / f"{number}.png", pixels)
        _write(folder / "target" / f"{number}.png", np.iinfo(pixels.dtype).max - pixels)
    return folder


@pytest.fixture
def picture():
    """A function that makes RGB pixels that are smooth with some noise, like photos."""
    return _picture


@pytest.fixture
def write():
    """A function that writes RGB or grey pixels in the format of the file's extension."""
    return _write


@pytest.fixture
def pair_folder(tmp_path):
    """A function that makes a folder of pairs in the test's own folder."""

    def make(count=5, name="set", **options):
        return _make_pairs(tmp_path / name, count, **options)

    return make


@pytest.fixture(scope="session")
def loader_runs(tmp_path_factory, root):
    """The batches of Paddle's DataLoader in a separate process; see ``loader_runs.py``."""
    pytest.importorskip("paddle")
    folder = _make_pairs(tmp_path_factory.mktemp("loader") / "set", 7)
    script = root / "tests" / "helpers" / "loader_runs.py"
    code = f"import runpy, sys; sys.path.insert(0, {str(root)!r}); runpy.run_path("
    code += f"{str(script)!r}, run_name='__main__')"
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
