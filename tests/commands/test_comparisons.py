import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from chromium import PROGRAM, browsing
from PIL import Image

from ppgan_mpr.commands.restore import main

LITE = ["--task", "Denoising", "--model", "lite"]

in_browser = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


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
    assert len(addresses) == 8
    assert all((folder / unquote(address)).is_file() for address in addresses)


@pytest.mark.parametrize("image", ["in", "in/two.jpg"], ids=["folder of one", "single picture"])
def test_a_single_picture_has_a_gallery_too(photos, capsys, image):
    (photos / "in/one #1.png").unlink()
    assert main([image, *LITE, "--compare"]) == 0
    page = Path("output_dir/Denoising/comparison/index.html")
    assert "two_restoration_before.jpg" in page.read_text()
    assert f"gallery: {page}\n" in capsys.readouterr().out


def test_gallery_of_a_named_output_is_next_to_it(photos):
    assert main(["in/two.jpg", *LITE, "--compare", "-o", "one.png"]) == 0
    assert (photos / "comparison/one_comparison.jpg").exists()
    assert 'href="../one.png"' in (photos / "comparison/index.html").read_text()


def test_no_gallery_is_written_without_results(photos):
    (photos / "in/two.jpg").write_bytes(b"no picture")
    assert main(["in/two.jpg", *LITE, "--compare"]) == 1
    assert not (photos / "output_dir/Denoising/comparison").exists()


def test_scores_of_reduced_copies_say_so(photos, capsys):
    Image.new("RGB", (20, 20), (100, 100, 100)).save(photos / "in/two.jpg")
    Image.new("RGB", (20, 20), (100, 100, 100)).save(photos / "clean/two.png")
    arguments = ["in", *LITE, "--max_size", "20", "--compare", "--target", "clean"]
    assert main(arguments) == 0
    one, two = (line for line in capsys.readouterr().out.splitlines() if " dB" in line)
    assert one.count("(reduced to 20 pixels, gopro)") == 2
    assert two.count("(gopro)") == 2  # it was small enough
    page = (photos / "output_dir/Denoising/comparison/index.html").read_text()
    assert page.count("(reduced to 20 pixels, gopro)") == 2
    assert "Scores are of copies whose longer side is reduced to 20 pixels." in page


def test_protocol_without_targets_is_refused(photos, capsys):
    assert main(["in", *LITE, "--compare", "--protocol", "gopro"]) == 2
    assert "--protocol needs targets to score results with" in capsys.readouterr().err


def test_targets_are_shown_and_scored_under_a_named_protocol(photos, capsys):
    assert main(["in", *LITE, "--compare", "--target", "clean", "--protocol", "rain-y"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if " dB" in line]
    assert len(lines) == 2 and all(line.count("(rain-y)") == 2 for line in lines)
    panels = photos / "output_dir/Denoising/comparison"
    assert Image.open(panels / "two_restoration_comparison.jpg").width > 1900
    page = (panels / "index.html").read_text()
    assert "<h1>Denoising: before, after and target</h1>" in page
    assert "Restored by MPRNet with the weights lite:Denoising." in page
    assert "Scored by the protocol rain-y: full frame, MATLAB&#x27;s 8-bit luma" in page
    assert "Mean of 2 scored pictures: before " in page
    assert page.count("(rain-y)") == 4 and "two_restoration_target.jpg" in page


def test_targets_are_optional(photos, capsys):
    (photos / "clean/two.png").unlink()
    assert main(["in", *LITE, "--compare", "--target", "clean"]) == 0
    captured = capsys.readouterr()
    assert f"no target for {Path('in/two.jpg')}\n" in captured.out
    assert captured.out.count(" dB") == 2  # before and after of the other picture
    folder = photos / "output_dir/Denoising/comparison"
    assert 1200 < Image.open(folder / "two_restoration_comparison.jpg").width < 1400
    page = (folder / "index.html").read_text()
    assert "two_restoration_after.jpg" in page and "no target" in page
    assert "two_restoration_target.jpg" not in page
    assert "Mean of 1 scored picture: " in page


def test_unreadable_target_is_a_failure(photos, capsys):
    (photos / "clean/two.png").write_bytes(b"no picture")
    assert main(["in", *LITE, "--compare", "--target", "clean"]) == 1
    assert "two.jpg: not compared: " in capsys.readouterr().err
    assert (photos / "output_dir/Denoising/two_restoration.jpg").exists()


def test_pictures_with_the_same_stem_get_separate_panels(photos):
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


def test_gallery_lists_failed_pictures_with_their_reason(photos):
    (photos / "in/bad.png").write_bytes(b"no picture")
    assert main(["in", *LITE, "--compare"]) == 1
    page = (photos / "output_dir/Denoising/comparison/index.html").read_text()
    assert re.search(r'bad\.png: <span class="failed">[^<]+', page)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no permissions of this kind")
def test_comparisons_of_private_pictures_stay_private(photos):
    (photos / "in/two.jpg").chmod(0o600)
    assert main(["in", *LITE, "--compare"]) == 0
    folder = photos / "output_dir/Denoising/comparison"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    private = {name for name, mode in modes.items() if mode == 0o600}
    endings = ("comparison.jpg", "before.jpg", "after.jpg", "detail.png")
    assert private == {"index.html", *(f"two_restoration_{ending}" for ending in endings)}
    assert all(modes[f"one #1_restoration_{ending}"] & 0o044 for ending in endings)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no permissions of this kind")
def test_panel_that_shows_a_private_target_is_private(photos):
    (photos / "clean/two.png").chmod(0o600)
    assert main(["in/two.jpg", *LITE, "--compare", "--target", "clean"]) == 0
    folder = photos / "output_dir/Denoising/comparison"
    for ending in ("comparison.jpg", "detail.png", "target.jpg"):
        assert (folder / f"two_restoration_{ending}").stat().st_mode & 0o777 == 0o600
    assert (folder / "two_restoration_before.jpg").stat().st_mode & 0o044


def test_comparisons_of_long_names_are_shortened(photos):
    (photos / "in/two.jpg").rename(photos / "in" / ("x" * 245 + ".jpg"))
    assert main(["in", *LITE, "--compare"]) == 0
    folder = photos / "output_dir/Denoising/comparison"
    assert len(list(folder.glob("x*~*_comparison.jpg"))) == 1
    page = (folder / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all((folder / unquote(address)).is_file() for address in addresses)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode there")
def test_gallery_holds_pictures_whose_names_are_not_unicode(photos):
    (photos / "in/two.jpg").rename(photos / "in" / os.fsdecode(b"two \xff.jpg"))
    assert main(["in", *LITE, "--compare"]) == 0
    page = (photos / "output_dir/Denoising/comparison/index.html").read_text("utf-8")
    assert "two%20%FF_restoration_before.jpg" in page


def test_comparison_that_cannot_be_written_is_explained_in_one_sentence(photos, capsys):
    (photos / "output_dir/Denoising").mkdir(parents=True)
    (photos / "output_dir/Denoising/comparison").touch()
    assert main(["in", *LITE, "--compare"]) == 1
    lines = capsys.readouterr().err.splitlines()
    wrong = [line for line in lines if "cannot be written: " in line]
    assert len(wrong) == 2
    assert not any("Errno" in line for line in wrong)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("websockets")
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The gallery of two pictures with targets."""
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0).integers(0, 40, [120, 160, 3])
    for name in ("in/one #1.png", "in/two.png", "clean/one #1.png", "clean/two.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        codes = 100 + noise * name.startswith("in")
        Image.fromarray(codes.astype(np.uint8)).save(folder / name)
    arguments = [str(folder / "in"), "-o", str(folder / "out"), "--task", "Denoising"]
    arguments += ["--model", "lite", "--compare", "--target", str(folder / "clean")]
    assert main(arguments) == 0
    return folder / "out/Denoising/comparison/index.html"


@pytest.fixture
def page(browser, gallery, tmp_path):
    """The gallery in a new tab."""
    page = browser.visitor(tmp_path)
    page.open(gallery.as_uri())
    return page


@in_browser
def test_gallery_opens_from_disk_without_a_network(page):
    pictures = "[...document.images]"
    page.evaluate(f"{pictures}.forEach((image) => {{ image.loading = 'eager' }})")
    page.until(f"{pictures}.every((image) => image.complete)")
    widths = page.evaluate(f"{pictures}.map((image) => image.naturalWidth)")
    assert widths == [160, 160, 3 * 96] * 2
    assert page.evaluate("document.title") == "Denoising: before, after and target"
    assert page.hosts() == {""}  # file:// alone
    assert page.complaints() == []


@in_browser
def test_visitor_can_compare_any_two_pictures(page):
    page.click("input[data-right-title=target][data-left-title=after]")
    shown = "[...document.querySelector('.ba').querySelectorAll('img')]"
    names = page.evaluate(f"{shown}.map((image) => decodeURI(image.src).split('_').pop())")
    assert names == ["target.jpg", "after.jpg"]
    page.until(f"{shown}.every((image) => image.naturalWidth === 160)")
    label = page.evaluate("document.querySelector('.ba input').ariaLabel")
    assert label == "one #1.png: after and target"
    second = page.evaluate("document.querySelectorAll('.ba')[1].innerText")
    assert second.split() == ["before", "after"]


@in_browser
def test_slider_uncovers_a_picture_by_mouse_and_keys(page):
    x, y = page.centre(".ba")
    page.mouse("mousePressed", x - 40, y)
    page.mouse("mouseReleased", x - 40, y)
    place = "parseFloat(document.querySelector('.ba').style.getPropertyValue('--x'))"
    moved = page.evaluate(place)
    assert 15 < moved < 35
    page.press("ArrowRight", 39)
    assert page.evaluate(place) == moved + 0.5


def test_two_targets_of_a_picture_are_named(photos, capsys):
    (photos / "clean/two.jpg").write_bytes((photos / "in/two.jpg").read_bytes())
    assert main(["in", *LITE, "--compare", "--target", "clean"]) == 1
    out, errors = capsys.readouterr()
    (line,) = (line for line in errors.splitlines() if "not compared" in line)
    assert "in/two.jpg" in line and "two.jpg and two.png" in line
    assert "one #1.png" in out
