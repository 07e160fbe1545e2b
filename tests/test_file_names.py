"""Names are shortened to fit, and names that mean the same file are found."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from ppgan_mpr.file_names import fitting_name, name_key, shown

COMPOSED = "caf\u00e9.jpg"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def test_names_have_different_keys_in_a_folder_that_distinguishes_them(tmp_path):
    (tmp_path / "a").touch()
    if (tmp_path / "A").exists():
        pytest.skip("this file system does not distinguish them")
    key = name_key(tmp_path)
    assert len({key(name) for name in ("IMG.jpg", "img.jpg", COMPOSED, DECOMPOSED)}) == 4
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("composes", [True, False])
def test_names_have_equal_keys_in_a_folder_that_takes_them_for_one_file(
    tmp_path, monkeypatch, composes
):
    """As on macOS, and on Windows, where the Unicode forms of a name stay different."""
    exists = os.path.lexists

    def lexists(path):
        path = Path(path)
        for name in os.listdir(path.parent):
            one, other = name.casefold(), path.name.casefold()
            if composes:
                one, other = (unicodedata.normalize("NFC", word) for word in (one, other))
            if one == other:
                return True
        return exists(path)

    monkeypatch.setattr(os.path, "lexists", lexists)
    key = name_key(tmp_path)
    assert key("IMG.jpg") == key("img.JPG")
    assert (key(COMPOSED) == key(DECOMPOSED)) == composes
    assert key("a.jpg") != key("b.jpg")


def test_names_that_may_be_one_file_have_equal_keys_in_a_folder_that_cannot_be_tested(tmp_path):
    key = name_key(tmp_path / "absent")
    assert key("IMG.jpg") == key("img.jpg")
    assert key(COMPOSED) == key(DECOMPOSED)


def test_short_names_are_unchanged():
    assert fitting_name("holiday", "_restoration.png") == "holiday_restoration.png"


@pytest.mark.parametrize("letter", ["x", "é", "写", "\udcff"])
def test_long_names_fit_and_stay_different(tmp_path, letter):
    ending = "_restoration.png"
    stems = [letter * 300 + number for number in "12"]
    names = [fitting_name(stem, ending) for stem in stems]
    assert names[0] != names[1]
    assert names == [fitting_name(stem, ending) for stem in stems]
    for name in names:
        assert name.endswith(ending)
        (tmp_path / name).touch()  # the file system accepts it


def test_longest_name_that_fits_is_unchanged():
    ending = "_restoration.png"
    stem = "x" * (255 - len(ending))
    assert fitting_name(stem, ending) == stem + ending
    assert len(fitting_name(stem + "x", ending)) == 255


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("été 照片.png", "été 照片.png"),
        ("a\x1b[31m\x7f\x9b.png", r"a\x1b[31m\x7f\x9b.png"),
        ("a\u202egnp.exe\u2069", r"a\u202egnp.exe\u2069"),
        ("a\u2028\u2029\u200e\u200f\ufeff", r"a\u2028\u2029\u200e\u200f\ufeff"),
        ("a\udc9b", r"a\udc9b"),
    ],
)
def test_invisible_characters_are_shown_as_escapes(name, text):
    assert shown(name) == text
