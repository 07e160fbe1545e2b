"""Content credentials (C2PA) are named as lost and not written."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, TiffImagePlugin, features

from ppgan_mpr.imaging import read_photo, unkept, write_photo

BOX = (
    struct.pack(">I4sI4s", 40, b"jumb", 32, b"jumd") + b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
)
WORDS = "the content credentials (C2PA), which sign the source"


def _inside(suffix):
    """The part with the credentials, which is appended to a file of this format."""
    if suffix == ".webp":
        return b"C2PA" + struct.pack("<I", len(BOX)) + BOX
    identity = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    return struct.pack(">I4s", len(BOX) + 24, b"uuid") + identity + BOX


@pytest.mark.parametrize(("suffix", "codec"), [(".webp", "webp"), (".avif", "avif")])
def test_content_credentials_are_named_as_lost(tmp_path, suffix, codec):
    if codec not in (*features.modules, *features.codecs) or not features.check(codec):
        pytest.skip("this Pillow has no such codec")
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (16, 16)).save(path)
    content = path.read_bytes() + _inside(suffix)
    if suffix == ".webp":
        content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    path.write_bytes(content)
    assert WORDS in unkept(read_photo(path), ".png")


def test_credentials_of_a_tiff_are_not_written(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[52545], tags.tagtype[52545] = BOX, 7
    Image.new("RGB", (16, 16)).save(tmp_path / "a.tif", tiffinfo=tags)
    photo = read_photo(tmp_path / "a.tif")
    assert unkept(photo, ".tif") == (WORDS,)
    write_photo(photo, tmp_path / "b.tif")
    assert b"c2pa" not in (tmp_path / "b.tif").read_bytes()
