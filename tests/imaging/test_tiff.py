"""TIFF: sample layouts, pages, and the tags of the files that are written."""

from __future__ import annotations

import struct

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, read_photo, write_photo


def test_jpeg_in_a_tiff_becomes_rgb(tmp_path):
    image = Image.fromarray(samples.ramp())
    data = samples.pillow_file(image, "TIFF", compression="jpeg", quality=95)
    photo = samples.read(tmp_path, data, ".tif")
    assert np.abs(photo.pixels.astype(int) - samples.ramp()).max() < 12


def test_16_bit_tiff_with_white_as_zero_is_inverted(tmp_path):
    picture = samples.noise(1, "uint16")
    ok, data = cv2.imencode(".tif", picture)
    black = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    assert ok and black in data.tobytes()
    turned = data.tobytes().replace(black, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    np.testing.assert_array_equal(
        samples.read(tmp_path, turned, ".tif").pixels[..., 0], 65535 - picture
    )


def test_premultiplied_16_bit_tiff_is_divided(tmp_path):
    alpha = np.full((5, 6), 32768, np.uint16)
    alpha[0] = 0
    picture = np.dstack([samples.noise(3, "uint16", 5, 6) // 2, alpha])
    picture[0, :, :3] = 0
    write_photo(
        from_array(picture),
        tmp_path / "a.tif",
    )
    straight = struct.pack("<HHIHH", 338, 3, 1, 2, 0)
    data = (tmp_path / "a.tif").read_bytes()
    assert straight in data
    photo = samples.read(
        tmp_path, data.replace(straight, struct.pack("<HHIHH", 338, 3, 1, 1, 0)), ".tif"
    )
    np.testing.assert_array_equal(photo.alpha, alpha)
    expected = np.minimum(np.rint(picture[1:, :, :3] * (65535 / 32768)), 65535)
    np.testing.assert_array_equal(photo.pixels[1:], expected)


@pytest.mark.parametrize(("mode", "words"), [("I", "32-bit"), ("F", "floating-point numbers")])
def test_samples_of_more_than_16_bits_are_refused(tmp_path, mode, words):
    image = Image.fromarray(samples.ramp()[..., 0]).convert(mode)
    with pytest.raises(ImageError, match=words):
        samples.read(tmp_path, samples.pillow_file(image, "TIFF"), ".tif")


def test_thumbnails_are_not_counted_as_pages(tmp_path):
    first = Image.fromarray(samples.ramp())
    small = first.resize((8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = samples.pillow_file(first, "TIFF", save_all=True, append_images=[small])
    if data.count(b"\xfe\x00\x04\x00") == 0:
        pytest.skip("this Pillow does not mark pages")
    np.testing.assert_array_equal(samples.read(tmp_path, data, ".tif").pixels, samples.ramp())


def test_tiff_that_ends_within_its_pixels_is_refused(tmp_path):
    data = samples.pillow_file(Image.fromarray(samples.noise(1, "uint16", 60, 60)), "TIFF")
    assert int.from_bytes(data[4:8], "little") < 100  # the directory comes first
    (tmp_path / "a.tif").write_bytes(data[:-100])
    with pytest.raises(ImageError, match="the file ends before the picture does"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_big_endian_exif_makes_a_big_endian_tiff(tmp_path, dtype):
    photo = from_array(samples.noise(1, dtype))
    metadata = type(photo.metadata)(samples.exif_block(1, ">"))
    photo = type(photo)(photo.pixels, None, metadata)
    write_photo(photo, tmp_path / "b.tif")
    assert (tmp_path / "b.tif").read_bytes()[:2] == b"MM"
    samples.assert_same_tags(tmp_path / "b.tif")
    np.testing.assert_array_equal(read_photo(tmp_path / "b.tif").pixels, photo.pixels)
    with Image.open(tmp_path / "b.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), photo.pixels[..., 0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_orientation_in_the_xmp_of_a_tiff_is_applied_once(tmp_path, dtype, recwarn):
    """With or without EXIF's flag beside it, the picture is turned exactly once."""
    photo = samples.annotated(samples.noise(1, dtype), 6)
    write_photo(photo, tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    flag = struct.pack("<HHI", 0x0112, 3, 1)
    both = data.replace(flag + b"\1", flag + b"\6")
    alone = data.replace(flag, struct.pack("<HHI", 0x0113, 3, 1))
    for content in (both, alone):
        (tmp_path / "b.tif").write_bytes(content)
        back = read_photo(tmp_path / "b.tif")
        np.testing.assert_array_equal(back.to_array(), np.rot90(photo.to_array(), -1))
        assert back.metadata.xmp == samples.XMP % 1
    assert not list(recwarn)
