"""Regions of PNG files, decoded no further than needed."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.datasets import png_region
from ppgan_mpr.datasets.reader import read_picture, read_region
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import read_header
from ppgan_mpr.imaging.png_chunks import SIGNATURE, chunk


@pytest.fixture(params=["zlib", "fast"])
def inflate(request, monkeypatch):
    """Both the standard library's decompressor and, where installed, the fast one."""
    module = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib")
    monkeypatch.setattr(png_region, "inflate", module)
    monkeypatch.setattr(png_region, "PAYS_UP_TO", 0.7 if module is zlib else 1.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_region_equals_the_same_part_of_the_whole_picture(
    tmp_path, picture, write, dtype, channels, inflate
):
    pixels = picture(90, 70, dtype=dtype)
    alpha = np.full((90, 70, 1), 7, dtype)
    stored = {1: pixels[..., 0], 3: pixels, 4: np.concatenate([pixels[..., ::-1], alpha], -1)}
    path = write(tmp_path / "p.png", stored[channels], cv2.IMWRITE_PNG_COMPRESSION, 6)
    expected = np.repeat(pixels[..., :1], 3, -1) if channels == 1 else pixels
    assert np.array_equal(read_picture(path), expected)
    header = read_header(path)
    assert header[:3] == (90, 70, pixels.itemsize)
    rng = np.random.default_rng(1)
    for _ in range(20):
        height, width = rng.integers(1, 91), rng.integers(1, 71)
        top, left = rng.integers(91 - height), rng.integers(71 - width)
        region = read_region(path, header, top, left, height, width)
        assert region.dtype == dtype
        assert np.array_equal(region, expected[top : top + height, left : left + width])


def test_a_png_is_cut_to_the_rows_and_columns_of_a_region(tmp_path, picture, write, inflate):
    path = write(tmp_path / "p.png", picture(90, 70))
    cut = png_region.upper_left(path.read_bytes(), 30, 40)
    with Image.open(_file(tmp_path, cut)) as image:
        assert image.size == (40, 30)


@pytest.mark.parametrize("mode, options", [("P", {}), ("1", {}), ("LA", {}), ("RGB", {})])
def test_regions_of_every_kind_of_png_are_read(tmp_path, picture, mode, options):
    path = tmp_path / "p.png"
    image = Image.fromarray(picture(64, 64)).convert(mode)
    image.save(path, **options)
    region = read_region(path, read_header(path), 8, 4, 16, 12)
    assert np.array_equal(region, np.asarray(image.convert("RGB"))[8:24, 4:16])


def test_interlaced_png_is_not_cut():
    header = SIGNATURE + bytes([0, 0, 0, 13]) + b"IHDR" + bytes([0, 0, 0, 8] * 2)
    assert png_region.upper_left(header + bytes([8, 2, 0, 0, 1]), 2, 2) is None


def _file(folder, data):
    (folder / "cut.png").write_bytes(data)
    return folder / "cut.png"


@pytest.mark.parametrize("height", [16, 60, 90])
def test_a_single_changed_bit_never_changes_a_patch_unnoticed(
    tmp_path, picture, write, inflate, height
):
    path = write(tmp_path / "p.png", picture(90, 70))
    header, data = read_header(path), path.read_bytes()
    for position in np.random.default_rng(0).integers(0, 8 * len(data), 60):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(ImageError, match=r"p\.png"):
            read_region(path, header, 0, 10, height, 16)
        with pytest.raises(ImageError, match=r"p\.png"):
            read_picture(path)


def test_checksum_at_the_end_of_the_stream_is_compared_if_all_rows_are_read(picture, inflate):
    """The checksum of the chunk is right, so only that of the stream is wrong."""
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in picture(20, 30)))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 30, 20, 8, 2, 0, 0, 0)),
        (b"IDAT", rows[:-1] + bytes([rows[-1] ^ 1])),
        (b"IEND", b""),
    )
    data = SIGNATURE + b"".join(chunk(kind, body) for kind, body in parts)
    assert png_region.upper_left(data, 19, 10)
    with pytest.raises(ValueError, match="damaged"):
        png_region.upper_left(data, 20, 10)


def test_wrong_checksum_of_a_text_is_ignored(tmp_path, picture, write):
    path = write(tmp_path / "p.png", picture(24, 40))
    data, expected = path.read_bytes(), read_picture(path)
    text = chunk(b"tEXt", b"Title\0photo")
    path.write_bytes(data[:33] + text[:-1] + bytes([text[-1] ^ 1]) + data[33:])
    np.testing.assert_array_equal(read_picture(path), expected)
