import re
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.commands.restore import main

LITE = ["--task", "Denoising", "--model", "lite"]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 40, [24, 32, 3])
    for name in ("in/one #1.png", "in/two.jpg", "clean/one #1.png", "clean/two.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        grey = 100 + noise * name.startswith("in")
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / name)
    return tmp_path


def test_compare_writes_a_panel_for_each_picture_and_a_gallery(photos, capsys):
    assert main(["in", *LITE, "--compare"]) == 0
    folder = photos / "output_dir/Denoising/comparison"
    assert Image.open(folder / "one #1_restoration_comparison.jpg").width > 1000
    assert (folder / "two_restoration_comparison.jpg").exists()
    assert "gallery: " in capsys.readouterr().out
    page = (folder / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 6
    assert all((folder / unquote(address)).is_file() for address in addresses)


def test_a_single_picture_needs_no_gallery(photos):
    assert main(["in/two.jpg", *LITE, "--compare", "-o", "one.png"]) == 0
    assert (photos / "comparison/one_comparison.jpg").exists()
    assert not (photos / "comparison/index.html").exists()


def test_targets_are_shown_and_scored_under_a_named_protocol(photos, capsys):
    assert main(["in", *LITE, "--compare", "--target", "clean", "--protocol", "rain-y"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if " dB" in line]
    assert len(lines) == 2 and all(line.count("(rain-y)") == 2 for line in lines)
    panels = photos / "output_dir/Denoising/comparison"
    assert Image.open(panels / "two_restoration_comparison.jpg").width > 1900
    assert "dB" in (panels / "index.html").read_text()


def test_a_missing_target_is_named_and_changes_the_exit_code(photos, capsys):
    (photos / "clean/two.png").unlink()
    assert main(["in", *LITE, "--compare", "--target", "clean"]) == 1
    assert "two.jpg: not compared: there is no target two" in capsys.readouterr().err
    assert (photos / "output_dir/Denoising/two_restoration.jpg").exists()


def test_pictures_of_one_stem_get_panels_of_their_own(photos):
    Image.new("RGB", (20, 20)).save(photos / "in/two.png")
    assert main(["in", *LITE, "--compare"]) == 0
    panels = (photos / "output_dir/Denoising/comparison").glob("*_comparison.jpg")
    assert len(list(panels)) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--target", "clean"], "--compare"),
        (["--compare", "--target", "nowhere"], "nowhere"),
        (["--compare", "--target", "clean", "--protocol", "raim-y"], "rain-y"),
    ],
)
def test_wrong_flags_are_one_sentence(photos, capsys, flags, message):
    assert main(["in", *LITE, *flags]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_failed_pictures_stand_in_the_gallery_with_their_reason(photos):
    (photos / "in/bad.png").write_bytes(b"no picture")
    assert main(["in", *LITE, "--compare"]) == 1
    page = (photos / "output_dir/Denoising/comparison/index.html").read_text()
    assert re.search(r'bad\.png: <span class="failed">[^<]+', page)
