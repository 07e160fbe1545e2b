from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.datasets.reader import read_picture, read_region, to_planes
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import read_header, read_photo


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_pictures_are_turned_upright_like_photos(tmp_path, picture, suffix):
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = 8
    lossless = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(picture(24, 40)).save(path, exif=exif, **lossless)
    photo = read_photo(path).pixels
    assert photo.shape == (40, 24, 3)
    np.testing.assert_array_equal(read_picture(path), photo)
    region = read_region(path, read_header(path), 5, 3, 16, 12)
    np.testing.assert_array_equal(region, photo[5:21, 3:15])


def test_jpeg_is_turned_upright(tmp_path, picture):
    image = Image.fromarray(picture(24, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    image.save(path, exif=exif)
    assert read_header(path)[:2] == (40, 24)
    assert read_picture(path).shape == (40, 24, 3)


def test_sixteen_bit_tiff_keeps_its_codes(tmp_path, picture, write):
    pixels = picture(20, 30, dtype=np.uint16)
    path = write(tmp_path / "p.tif", pixels)
    assert read_header(path)[:3] == (20, 30, 2)
    assert np.array_equal(read_picture(path), pixels)


def test_damaged_files_are_refused_by_name(tmp_path, picture, write):
    path = write(tmp_path / "p.png", picture(90, 70))
    header, data = read_header(path), path.read_bytes()
    for damaged in (data[:200], data[:60] + bytes(100) + data[160:], b""):
        path.write_bytes(damaged)
        with pytest.raises(ImageError, match=r"p\.png"):
            read_region(path, header, 40, 10, 16, 16)
    for other in (path, path.with_suffix(".bmp")):
        write(other, picture(50, 70))
        with pytest.raises(ImageError, match="changed its size"):
            read_region(other, header, 0, 0, 16, 16)
    path.unlink()
    with pytest.raises(ImageError, match="No such file"):
        read_picture(path)


def test_float_pictures_are_refused(tmp_path):
    path = tmp_path / "p.tif"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.float32))
    with pytest.raises(ImageError, match="8 or 16 bits"):
        read_picture(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_range_from_zero_to_one(dtype):
    top = np.iinfo(dtype).max
    values = to_planes(np.array([[[0, top, top // 2]]], dtype))
    assert values.shape == (3, 1, 1) and values.dtype == np.float32
    assert values.ravel() == pytest.approx([0, 1, (top // 2) / top], abs=1e-7)


def test_header_and_picture_agree_on_odd_orientations(tmp_path, picture):
    """The orientation is only in XMP, stored as text, or stored as a number."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    for number, options in enumerate(
        ({"xmp": xmp}, {"exif": _exif(2, b"6")}, {"exif": _exif(3, b"\0\6")})
    ):
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(picture(24, 40)).save(path, **options)
        assert read_header(path)[:2] == read_picture(path).shape[:2]


def _exif(kind, orientation):
    """An orientation as one text (kind 2) or number (3)."""
    entry = struct.pack(">HHHI4s", 1, 0x0112, kind, 1, orientation)
    return b"Exif\0\0MM\0*\0\0\0\10" + entry + bytes(4)
