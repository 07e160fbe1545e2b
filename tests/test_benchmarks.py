"""The benchmark scripts write their pages."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def results(root, tmp_path):
    """A function that runs the script behind docs/results.md and returns its page."""
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
    """A folder with one noisy picture and the clean one."""
    rows, columns = np.mgrid[:48, :64][..., None]
    clean = 128 + 60 * np.sin(rows / 9 + columns / 7 + np.arange(3))
    noisy = clean + np.random.default_rng(0).normal(0, 20, clean.shape)
    for name, picture in (("input", noisy), ("target", clean)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        codes = picture.clip(0, 255).astype(np.uint8)
        Image.fromarray(codes).save(tmp_path / "mine" / name / "a.png")
    return tmp_path / "mine"


def test_page_for_a_users_folder_lists_every_method_and_protocol(results, pairs, tmp_path):
    numbers = tmp_path / "numbers.json"
    page = results(pairs, "--task", "Denoising", "--save", numbers, output=tmp_path / "a" / "r.md")
    assert "### Denoising: mine" in page and "1 pairs. Protocol: `gopro`." in page
    scores = {
        row.split("|")[1].strip(): float(row.split("|")[2].strip(" *"))
        for row in page.splitlines()
        if row.startswith(("| input", "| MPRNet lite", "| OpenCV", "| scikit-image"))
    }
    assert len(scores) == 4
    assert min(scores, key=scores.get) == "input"
    assert "| authors:Deblurring | GoPro (1111) | 32.66 | 0.959 | gopro | paper |" in page
    # The same numbers give the same page and plots.
    again = results("--load", numbers, output=tmp_path / "b" / "r.md")
    assert again == page
    (one,), (two,) = ([*(tmp_path / name / "images").iterdir()] for name in "ab")
    assert one.read_bytes() == two.read_bytes()


@pytest.fixture
def comparison(root, tmp_path):
    """A function that writes the page of benchmarks/compare.py from given numbers."""

    def run(**parts):
        folder = tmp_path / "numbers"
        folder.mkdir()
        for name, numbers in parts.items():
            (folder / f"{name}.json").write_text(json.dumps(numbers), encoding="utf-8")
        page = tmp_path / "speed.md"
        command = [sys.executable, str(root / "benchmarks" / "compare.py"), "--output", str(page)]
        command += ["--save", str(folder), "--parts", *parts]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return page.read_text(encoding="utf-8")

    return run


MACHINE = {"processor": "Some CPU", "threads": 2, "python": "3.11"}


def case(runner, seconds, **more):
    return {"network": "lite", "size": "256", "runner": runner, "seconds": seconds, "peak": 5e8} | {
        "psnr": None, **more
    }  # fmt: skip


def test_comparison_shows_every_runner_beside_the_limit_of_its_precision(comparison):
    page = comparison(
        networks={
            "machine": MACHINE,
            "others": 41.2,
            "cases": [
                case("ppgan", 8.0),
                case("torch-bf16", 2.0, psnr=60.0),
                case("openvino-f32", 1.0, psnr=150.0, multiply_adds=40.0, limit=80.0),
                case("openvino-bf16", 0.5, psnr=60.0, multiply_adds=80.0, limit=100.0),
            ],
        },
        photos={
            "machine": MACHINE,
            "cases": [{"network": "lite", "size": "720p", "runner": "ppgan", "exceeded": 200.0}],
        },
        isolation={
            "machine": MACHINE,
            "others": 3.0,
            "cases": [{"file": "256 .jpg", "here": 2.65, "isolated": 3.99, "difference": 1.25}],
        },
    )
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| lite")]
    assert [row[5] for row in rows[:4]] == ["6%", "20%", "50%", "80%"]
    assert rows[4][1:4] == ["1280×720", "PaddleGAN, Paddle", "over 200"]
    networks, decoding = page.split("## Decoding in isolation")
    assert "other programs used 41 %" in networks and "other programs" not in decoding
    assert "| 256×256 .jpg | 2.6 | 4.0 | +1.2 |" in decoding
    assert "does not compute in bf16" not in page


def test_comparison_shows_folders_beside_their_bounds(comparison):
    spent = {"seconds": 10.0, "processor": 16.0, "peak": 5e8, "cache": 2e6}
    mixed = {**spent, "seconds": 12.0, "processor": 20.0}
    run = {"wall": 21.0, "processor": 30.0}
    page = comparison(
        folders={
            "machine": MACHINE,
            "others": 0.0,
            "sizes": [[200, 300]] * 48,
            "cases": [{"label": "lite cold", "one size": spent, "mixed": mixed}],
        },
        throughput={
            "machine": MACHINE,
            "others": 0.0,
            "cases": [
                {"format": ".png", "count": 100, "jobs": "1", "graph": 20.0, "bound": 20.0}
                | {"runs": [run]}
            ],
        },
    )
    assert (
        "| lite, `mprnet`, empty cache | 10.0, 16.0 | 12.0, 20.0 | 1.20 | 1.25 | 500 | 2 |" in page
    )
    assert "| 100 .png | 1 | 20.0 | 30.0 | 20.0 | 21.0 | 1.05 |" in page


def test_comparison_leaves_out_bf16_if_the_processor_computes_in_f32(comparison):
    f32 = case("openvino-f32", 1.0, multiply_adds=40.0, limit=80.0)
    bf16 = case("openvino-bf16", 1.0, psnr=152.0, multiply_adds=40.0, limit=60.0)
    page = comparison(networks={"machine": MACHINE, "others": 0.0, "cases": [f32, bf16]})
    assert "does not compute in bf16" in page and "OpenVINO bf16" not in page


def test_comparison_leaves_columns_of_bf16_empty_where_it_was_not_measured(comparison):
    picture = {"name": "a.jpg", "bf16": None, "gain": None, "tiled": 61.25, "tiles": 4}
    measured = {**picture, "name": "b.jpg", "bf16": 60.04, "gain": -0.00012}
    page = comparison(
        agreement={"machine": MACHINE, "others": 0.0, "pictures": [picture, measured]}
    )
    assert "| a.jpg |  |  | 61.2 | 4 |" in page
    assert "| b.jpg | 60.0 | -0.0001 | 61.2 | 4 |" in page


def test_comparison_shows_how_much_longer_a_command_takes_than_its_compiled_network(comparison):
    found = {"network": "lite", "size": "256", "cold": 5.0, "cold_peak": 6e8}
    found |= {"warm": 1.09, "peak": 2e8, "bare": 0.33}
    page = comparison(
        commands={"machine": MACHINE, "others": 0.0, "libraries": 0.41, "cases": [found]}
    )
    assert "takes 0.41 s" in page
    assert "| lite | 256×256 | 5.0 | 600 | 1.09 | 200 | 0.33 | 0.76 |" in page
