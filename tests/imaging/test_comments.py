"""Comments and captions are converted from each format to every other."""

from __future__ import annotations

from dataclasses import replace

import imaging_samples as samples
import pytest
from PIL import Image, PngImagePlugin

from ppgan_mpr.imaging import from_array, read_photo, write_photo

WORDS = "Zürich, from the lake"
ASCII_WORDS = "Zurich, from the lake"
IN_EXIF = (".tif", ".webp")


def file_with_comment(folder, suffix):
    image, path = Image.fromarray(samples.ramp()), folder / f"a{suffix}"
    if suffix == ".png":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("Comment", WORDS)
        image.save(path, pnginfo=texts)
    elif suffix in IN_EXIF:
        exif = Image.Exif()
        exif[0x010E] = ASCII_WORDS  # as far as Pillow writes it
        image.save(path, exif=exif)
    else:
        image.save(path, comment=WORDS.encode())
    return path


def comment_in(path):
    """The comment as Pillow reads it."""
    with Image.open(path) as image:
        image.load()
        if path.suffix == ".png":
            return image.text.get("Comment") or image.getexif().get(0x010E)
        comment = image.info.get("comment") or image.getexif().get(0x010E)
    return comment.decode() if isinstance(comment, bytes) else comment


def characters(text):
    """Undo Pillow's Latin-1 decoding of EXIF text, which is UTF-8 in practice."""
    return text.encode("latin-1").decode() if "Ã" in text else text


@pytest.mark.parametrize("target", [".jpg", ".png", ".tif", ".webp", ".avif", ".jp2"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".gif", ".tif", ".webp", ".jp2"])
def test_comment_survives(tmp_path, source, target):
    photo = read_photo(file_with_comment(tmp_path, source))
    write_photo(photo, tmp_path / f"b{target}")
    words = ASCII_WORDS if source in IN_EXIF else WORDS
    if target == ".jp2" and source in IN_EXIF:  # in a box that Pillow skips
        assert words.encode() in (tmp_path / "b.jp2").read_bytes()
    else:
        assert characters(comment_in(tmp_path / f"b{target}")) == words


def test_texts_of_a_png_become_lines(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Pier")
    texts.add_text("Author", "Somebody", zip=True)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.png", pnginfo=texts)
    write_photo(read_photo(tmp_path / "a.png"), tmp_path / "b.jpg")
    lines = set(comment_in(tmp_path / "b.jpg").split("\n"))
    assert lines == {"Title: Pier", "Author: Somebody"}


@pytest.mark.parametrize("comment", [b"plain", WORDS.encode(), b"caf\xe9", b"a\0b\0"])
def test_comment_in_any_encoding_makes_a_valid_png(tmp_path, comment):
    photo = from_array(samples.ramp())
    photo = replace(photo, metadata=replace(photo.metadata, comment=comment))
    write_photo(photo, tmp_path / "a.png")
    try:
        expected = comment.decode()
    except UnicodeDecodeError:
        expected = comment.decode("latin-1")
    assert comment_in(tmp_path / "a.png") == expected.replace("\0", " ").strip()
