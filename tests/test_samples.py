"""The sample pictures: they are readable, paired and credited, and restoration improves them."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.apps import MPRPredictor
from ppgan_mpr.datasets import MPRVal
from ppgan_mpr.imaging import read_photo
from ppgan_mpr.metrics import psnr
from ppgan_mpr.networks.mprnet.spec import SPEC

INPUTS = [
    f"{task}/input/{name}.jpg"
    for task, names in {
        "Deblurring": ("astronaut", "espresso"),
        "Denoising": ("cat", "coffee"),
        "Deraining": ("cameraman", "rocket"),
    }.items()
    for name in names
]


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def target_of(path):
    return path.parent.parent / "target" / f"{path.stem}.png"


def test_sample_pictures_are_complete_and_no_others_exist(root):
    found = {path.relative_to(root / "samples").as_posix() for path in root.glob("samples/*/*/*")}
    targets = {name.replace("input", "target").replace(".jpg", ".png") for name in INPUTS}
    assert found == {*INPUTS, *targets}


@pytest.mark.parametrize("name", INPUTS)
def test_each_sample_is_readable_and_names_its_licence(root, name):
    path = root / "samples" / name
    photo = read_photo(path)
    assert photo.size == read_photo(target_of(path)).size
    with Image.open(path) as picture:
        assert picture.getexif()[0x013B].endswith(("CC0", "public domain"))  # Artist
    assert f"`{path.stem}`" in (root / "samples" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("task", SPEC.task_names)
def test_samples_of_a_task_are_a_data_set(root, task):
    pairs = MPRVal(root / "samples" / task)
    assert len(pairs) == 2
    target, degraded, _ = pairs[0]
    assert target.shape == degraded.shape


@pytest.mark.parametrize(
    ("name", "corner", "gain"),
    [
        ("Deraining/input/rocket.jpg", (176, 96), 4.0),
        ("Denoising/input/cat.jpg", (128, 64), 4.0),
        ("Deblurring/input/espresso.jpg", (64, 64), 1.0),
    ],
)
def test_lite_weights_improve_the_samples(root, name, corner, gain):
    path = root / "samples" / name
    left, top = corner
    before, clean = (
        pixels(file)[top : top + 96, left : left + 96] for file in (path, target_of(path))
    )
    task = name.split("/")[0]
    (result,) = MPRPredictor(output_path=None, task=task, model="lite").run(before)
    assert psnr(result.image, clean, 255) > psnr(before, clean, 255) + gain


def test_script_generates_the_samples(root, tmp_path):
    pytest.importorskip("skimage")
    subprocess.run([sys.executable, root / "samples" / "make_samples.py", tmp_path], check=True)
    for name in INPUTS:
        made, kept = tmp_path / name, root / "samples" / name
        assert np.array_equal(pixels(target_of(made)), pixels(target_of(kept)))
        # JPEG encoders and decoders differ by a grey level in some pixels.
        assert np.abs(pixels(made).astype(int) - pixels(kept)).mean() < 1
