"""The languages of the page, in a real browser."""

from __future__ import annotations

import re

import pytest
from chromium import PROGRAM
from web_samples import options_of, picture, pictures_for_detection, png, restore, set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

AUTO = {"task": "auto", "model": "lite"}


@pytest.fixture(scope="module")
def pictures(root):
    return pictures_for_detection(root)


def speak_chinese(page):
    set_fields(page, language="zh")


ENGLISH = re.compile(r"[A-Za-z]{2,}")
# Names of models, networks, formats and files stay as they are.
NAMES = {
    "English", "lite", "published", "png", "jpg", "RAW", "TIFF", "JPEG", "PNG", "kB", "MB",
    "MPRNet", "NAFNet", "MIRNet", "RealSR",
}  # fmt: skip


def english_words(text):
    return set(ENGLISH.findall(text)) - NAMES


def test_a_chinese_page_has_no_english_words(visit, tmp_path, pictures):
    page = visit()
    speak_chinese(page)
    seen = "document.body.innerText + document.getElementById('max_size').placeholder"
    for task in options_of(page, "task"):
        set_fields(page, task=task)
        for model in options_of(page, "model"):
            set_fields(page, model=model)
            assert english_words(page.evaluate(seen)) == set(), (task, model)
    names = {"clean": "clean", "doubtful": "undecided", "dark": "undecided"}
    for name, state in names.items():
        restore(page, picture(tmp_path, f"{name}.png", pictures[name]), **AUTO)
        page.until(f"document.querySelector('li:last-child.{state}')")
    wrong = {"a.txt": b"milk, bread", "b.png": png()[:60], "c.dng": b"", "d.tif": png()}
    for name, content in wrong.items():
        fields = {"task": "Deblurring", "model": "lite", "max_size": "16"}
        restore(page, picture(tmp_path, name, content), **fields)
        page.until("document.querySelector('li:last-child:is(.failed, .done)')")
    lines = page.evaluate("[...document.querySelectorAll('.state')].map((e) => e.textContent)")
    buttons = page.evaluate("[...document.querySelectorAll('li button')].map((e) => e.textContent)")
    words = english_words(" ".join([*lines, *buttons])) - {"Deblurring"}  # in the weights' name
    assert words == set(), lines


def test_rows_follow_a_change_of_language(visit, tmp_path, pictures):
    page = visit()
    restore(page, picture(tmp_path, "doubtful.png", pictures["doubtful"]), **AUTO)
    page.until("document.querySelector('li.undecided')")
    english = page.evaluate("document.querySelector('li').innerText")
    speak_chinese(page)
    chinese = page.evaluate("document.querySelector('li').innerText")
    assert english_words(chinese) == {"doubtful"}
    set_fields(page, language="en")
    assert page.evaluate("document.querySelector('li').innerText") == english
