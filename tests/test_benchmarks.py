"""The script behind docs/results.md runs on anybody's folder."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def results(root, tmp_path):
    """A function that runs the script and returns the page."""
    for package in ("cv2", "pywt", "skimage", "matplotlib"):
        pytest.importorskip(package)

    def run(*arguments, output):
        script = root / "benchmarks" / "results.py"
        done = subprocess.run(
            [sys.executable, str(script), *map(str, arguments), "--output", str(output)],
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return output.read_text(encoding="utf-8")

    return run


@pytest.fixture
def pairs(tmp_path):
    """A noisy picture and the clean one."""
    rows, columns = np.mgrid[:48, :64][..., None]
    clean = 128 + 60 * np.sin(rows / 9 + columns / 7 + np.arange(3))
    noisy = clean + np.random.default_rng(0).normal(0, 20, clean.shape)
    for name, picture in (("input", noisy), ("target", clean)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        codes = picture.clip(0, 255).astype(np.uint8)
        Image.fromarray(codes).save(tmp_path / "mine" / name / "a.png")
    return tmp_path / "mine"


def test_results_on_a_folder_of_one_s_own_name_every_method_and_protocol(results, pairs, tmp_path):
    numbers = tmp_path / "numbers.json"
    page = results(pairs, "--task", "Denoising", "--save", numbers, output=tmp_path / "a" / "r.md")
    assert "### Denoising: mine" in page and "1 pairs [gopro]" in page
    scores = {
        row.split("|")[1].strip(): float(row.split("|")[2].strip(" *"))
        for row in page.splitlines()
        if row.startswith(("| input", "| MPRNet lite", "| OpenCV", "| scikit-image"))
    }
    assert len(scores) == 4
    assert min(scores, key=scores.get) == "input"
    assert "| authors:Deblurring | GoPro (1111) | 32.66 | 0.959 | gopro | paper |" in page
    # From the same numbers the same page and plots.
    again = results("--load", numbers, output=tmp_path / "b" / "r.md")
    assert again == page
    (one,), (two,) = ([*(tmp_path / name / "images").iterdir()] for name in "ab")
    assert one.read_bytes() == two.read_bytes()
