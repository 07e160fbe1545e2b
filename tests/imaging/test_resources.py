"""Photoshop's image resources are kept in JPEG and TIFF, and named as lost in other formats."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, TiffImagePlugin

from ppgan_mpr.imaging import read_photo, unkept, write_photo
from ppgan_mpr.imaging.resources import carried, find, resource, walk

COPYRIGHT, URL, THUMBNAIL = 1034, 1035, 1036
BLOCKS = resource(COPYRIGHT, b"\1") + resource(THUMBNAIL, b"old") + resource(URL, b"http://a.b")


@pytest.fixture(params=[".jpg", ".tif"])
def file(tmp_path, request):
    path = tmp_path / f"photo{request.param}"
    image = Image.new("RGB", (16, 8))
    if request.param == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[34377] = BLOCKS
        tags.tagtype[34377] = 7
        image.save(path, tiffinfo=tags)
        return path
    image.save(path)
    content = path.read_bytes()
    half = len(BLOCKS) // 2
    segments = b"".join(
        b"\xff\xed" + struct.pack(">H", len(part) + 16) + b"Photoshop 3.0\0" + part
        for part in (BLOCKS[:half], BLOCKS[half:])
    )
    path.write_bytes(content[:20] + segments + content[20:])
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_resources_are_carried_without_the_thumbnail(file, tmp_path, suffix):
    output = tmp_path / f"out{suffix}"
    photo = read_photo(file)
    write_photo(photo, output)
    assert not unkept(photo, suffix)
    blocks = read_photo(output).metadata.resources
    assert find(blocks, URL) == b"http://a.b" and find(blocks, COPYRIGHT) == b"\1"
    assert b"old" not in output.read_bytes()


def test_resources_that_a_format_cannot_store_are_named_as_lost(file):
    assert unkept(read_photo(file), ".png") == ("Photoshop's image resources",)


def test_damaged_resources_end_the_list():
    assert [number for number, _, _ in walk(BLOCKS[:-4])] == [COPYRIGHT, THUMBNAIL]
    assert carried(b"8BIM") is carried(None) is None
