"""Size and depth of picture files without decoding them."""

from __future__ import annotations

import os

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, read_header, read_photo, write_photo

EXIF_6 = samples.exif_block(6)  # stored on its side


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(suffix, "uint8") for suffix in (".png", ".tif", ".jpg", ".webp", ".bmp", ".jp2", ".ppm")]
    + [(suffix, "uint16") for suffix in (".png", ".tif", ".ppm")],
)
def test_header_agrees_with_the_decoded_photo(tmp_path, suffix, dtype):
    path = tmp_path / f"a{suffix}"
    write_photo(from_array(samples.noise(3, dtype)), path)
    photo, header = read_photo(path), read_header(path)
    assert (header.width, header.height) == photo.size
    assert header.itemsize == photo.pixels.itemsize
    assert header.nbytes == photo.pixels.nbytes
    assert header.orientation == 1


@pytest.mark.parametrize("form", ["png", "jpeg", "tiff", "webp", "late exif in png"])
def test_header_agrees_with_the_upright_photo(tmp_path, form):
    image = Image.fromarray(samples.ramp())
    path = tmp_path / f"a.{form.split()[-1]}"
    if form == "tiff":
        image.save(path, tiffinfo={0x0112: 6})
    elif form == "late exif in png":  # after more than the first kilobytes
        profile = np.random.default_rng(0).bytes(20000)
        image.save(path, exif=EXIF_6, icc_profile=profile)
    else:
        image.save(path, exif=b"Exif\0\0" + EXIF_6)
    header = read_header(path)
    assert (header.width, header.height) == read_photo(path).size == (48, 64)
    assert header.orientation == 6


def test_header_of_deep_tiff_needs_no_decoding(tmp_path):
    photo = from_array(samples.noise(3, "uint16"))
    write_photo(photo, tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[8:200] = bytes(192)  # in the pixels
    (tmp_path / "a.tif").write_bytes(data)
    assert read_header(tmp_path / "a.tif") == (13, 17, 2, 1)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\0"]
)
def test_files_without_a_header_are_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png"):
        read_header(tmp_path / "a.png")
    with pytest.raises(ImageError, match="No such file"):
        read_header(tmp_path / "b.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_has_no_header(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png cannot be read: it is not an ordinary file"):
        read_header(tmp_path / "a.png")
