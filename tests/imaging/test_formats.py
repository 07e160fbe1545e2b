"""Which formats are written, and what each of them can store."""

from __future__ import annotations

import imaging_samples as samples
import pytest
from PIL import Image, PngImagePlugin

from ppgan_mpr.errors import UsageError
from ppgan_mpr.imaging import (
    SUFFIXES,
    format_suffix,
    from_array,
    read_photo,
    writable_suffix,
)
from ppgan_mpr.imaging.formats import WRITABLE, is_video_name


@pytest.mark.parametrize(
    ("written", "suffix"),
    [
        ("jpeg", ".jpeg"),
        ("JPG", ".jpg"),
        (".tiff", ".tiff"),
        ("png", ".png"),
        ("JPEG2000", ".jp2"),
        ("Avif", ".avif"),
    ],
)
def test_format_names_become_suffixes(written, suffix):
    assert format_suffix(written) == suffix
    assert suffix in WRITABLE


@pytest.mark.parametrize(
    ("written", "hint"), [("jpgg", "did you mean jpg"), ("", "choose one of png"), ("gif", "gif")]
)
def test_unknown_formats_suggest_the_nearest(written, hint):
    with pytest.raises(UsageError, match=hint):
        format_suffix(written)


@pytest.mark.parametrize("suffix", [".pcx", ".sgi", ".ras", ".dds", ".qoi"])
def test_formats_without_photographs_are_not_listed(suffix):
    assert suffix not in SUFFIXES


@pytest.mark.parametrize(
    ("channels", "dtype", "suffix", "expected"),
    [
        (1, "uint8", ".pgm", ".pgm"),
        (3, "uint8", ".JPG", ".JPG"),
        (3, "uint8", ".Tiff", ".Tiff"),
        (3, "uint8", ".gif", ".png"),
        (3, "uint8", ".psd", ".png"),
        (3, "uint8", "", ".png"),
        (4, "uint8", ".jpg", ".png"),
        (4, "uint8", ".bmp", ".png"),
        (4, "uint8", ".webp", ".webp"),
        (3, "uint16", ".jpg", ".png"),
        (3, "uint16", ".tif", ".tif"),
        (3, "uint16", ".ppm", ".ppm"),
    ],
)
def test_suffix_changes_only_where_the_format_would_lose_something(
    channels, dtype, suffix, expected
):
    assert writable_suffix(from_array(samples.noise(channels, dtype)), suffix) == expected


def test_jpeg_with_another_suffix_stays_a_jpeg(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "a.mpo", format="JPEG")
    assert writable_suffix(read_photo(tmp_path / "a.mpo"), ".mpo") == ".jpg"


def test_suffixes_are_known_to_a_reader():
    Image.init()
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".heic"} <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)
    known = set(Image.registered_extensions())
    assert len(SUFFIXES - known) < 16  # those of HEIF, OpenCV, AVIF and rare aliases
    assert PngImagePlugin.PngImageFile.format == "PNG"


def test_videos_are_recognised_by_their_suffix():
    assert is_video_name("clip.MP4")
    assert not is_video_name("photo.jpg")
