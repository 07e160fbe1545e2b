"""The gallery of ``mprnet --compare``, opened from disk in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from chromium import PROGRAM, browsing
from PIL import Image

from ppgan_mpr.commands.restore import main

pytest.importorskip("websockets")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
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


def test_gallery_opens_from_disk_without_a_network(page):
    pictures = "[...document.images]"
    page.evaluate(f"{pictures}.forEach((image) => {{ image.loading = 'eager' }})")
    page.until(f"{pictures}.every((image) => image.complete)")
    widths = page.evaluate(f"{pictures}.map((image) => image.naturalWidth)")
    assert widths == [160, 160, 3 * 96] * 2
    assert page.evaluate("document.title") == "Denoising: before, after and target"
    assert page.hosts() == {""}  # file:// alone
    assert page.complaints() == []


def test_any_two_of_the_pictures_are_compared_on_demand(page):
    page.click("input[data-right-title=target][data-left-title=after]")
    shown = "[...document.querySelector('.ba').querySelectorAll('img')]"
    names = page.evaluate(f"{shown}.map((image) => decodeURI(image.src).split('_').pop())")
    assert names == ["target.jpg", "after.jpg"]
    page.until(f"{shown}.every((image) => image.naturalWidth === 160)")
    label = page.evaluate("document.querySelector('.ba input').ariaLabel")
    assert label == "one #1.png: after and target"
    second = page.evaluate("document.querySelectorAll('.ba')[1].innerText")
    assert second.split() == ["before", "after"]


def test_slider_uncovers_a_picture_by_mouse_and_keys(page):
    x, y = page.centre(".ba")
    page.mouse("mousePressed", x - 40, y)
    page.mouse("mouseReleased", x - 40, y)
    place = "parseFloat(document.querySelector('.ba').style.getPropertyValue('--x'))"
    moved = page.evaluate(place)
    assert 15 < moved < 35
    page.press("ArrowRight", 39)
    assert page.evaluate(place) == moved + 0.5
