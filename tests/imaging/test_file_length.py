"""Long files that are almost empty, such as sparse files, are refused by their headers."""

from __future__ import annotations

import struct
from pathlib import Path

import imaging_samples as samples
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import read_photo
from ppgan_mpr.imaging.limits import LimitError


def sparse(path: Path, start: bytes, megabytes: int = 600) -> Path:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(megabytes << 20)
    return path


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.jpg", b"\xff\xd8\xff\xe0"), ("a.tga", b""), ("a.png", b"\x89PNG\r\n\x1a\n")],
)
def test_long_file_with_a_damaged_header_is_not_read(tmp_path, monkeypatch, name, start):
    monkeypatch.setattr("ppgan_mpr.imaging.read.decode", None)  # must not be called
    with pytest.raises(ImageError, match="its header is damaged"):
        read_photo(sparse(tmp_path / name, start))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "TGA", "PPM", "JPEG2000", "WEBP"])
def test_file_far_longer_than_its_picture_needs_is_not_read(tmp_path, name):
    suffix = ".tga" if name == "TGA" else ".jpg"
    data = samples.pillow_file(Image.fromarray(samples.ramp()), name)
    with pytest.raises(LimitError, match="600 MB, but its 64 x 48 pixels need at most 256 MB"):
        read_photo(sparse(tmp_path / f"a{suffix}", data))


def test_long_file_of_many_pixels_is_decoded(tmp_path):
    """A bitmap of 66 megapixels (197 MB) in a file of 315 MB."""
    side = 8100
    head = struct.pack("<2sIII", b"BM", 0, 0, 54)
    head += struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    assert read_photo(sparse(tmp_path / "a.bmp", head, 300)).size == (side, side)
