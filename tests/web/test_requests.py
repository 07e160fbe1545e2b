from __future__ import annotations

import pytest

from ppgan_mpr.web.requests import safe_name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.png", "a.png"),
        ("照片.png", "照片.png"),
        ('a"b\r\n.png', "a_b__.png"),
        ("picture\u202egnp.exe", "picture_gnp.exe"),
        ("..", "picture"),
        ("", "picture"),
        ("a\u061c\x9b\u2028.png", "a___.png"),
        ("\ud800.png", "_.png"),
    ],
)
def test_names_are_safe_for_any_system(written, name):
    assert safe_name(written) == name


def test_long_names_are_cut():
    assert len(safe_name("x" * 500 + ".png")) == 104
