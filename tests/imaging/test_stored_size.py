"""Sizes in headers, read without Pillow and checked before anything is decoded."""

from __future__ import annotations

import struct

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import Limits, read_header, read_photo
from ppgan_mpr.imaging.stored_size import stored_size


def pam(width: int, height: int, extra: bytes = b"") -> bytes:
    head = b"P7\n%bWIDTH %d\nHEIGHT %d\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    return head % (extra, width, height)


def sun(width: int, height: int) -> bytes:
    return struct.pack(">8I", 0x59A66A95, width, height, 24, width * height * 3, 1, 0, 0)


def radiance(width: int, height: int) -> bytes:
    return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width)


@pytest.mark.parametrize("head", [pam, sun])
def test_header_is_read_without_pixels(tmp_path, head):
    """Only 100 bytes follow the header, far fewer than the pixels need."""
    (tmp_path / "a.pam").write_bytes(head(30000, 20000) + bytes(100))
    header = read_header(tmp_path / "a.pam")
    assert (header.width, header.height, header.itemsize) == (30000, 20000, 1)


@pytest.mark.parametrize("head", [pam, sun])
def test_size_is_checked_before_decoding(tmp_path, head):
    (tmp_path / "a.pam").write_bytes(head(50, 40) + bytes(50 * 40 * 3))
    assert read_photo(tmp_path / "a.pam", Limits(6000)).size == (50, 40)
    with pytest.raises(ImageError, match="its 50 x 40 pixels would take"):
        read_photo(tmp_path / "a.pam", Limits(5999))


@pytest.mark.parametrize(
    "extra",
    [
        b"WIDTH 1\nHEIGHT 1\n",  # contradicts the first values
        b"WIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\n# ENDHDR\n",
        b"# a comment beyond the first bytes\n" * 3000,
    ],
)
def test_pam_header_that_hides_its_size_is_refused(tmp_path, extra):
    (tmp_path / "a.pam").write_bytes(pam(5000, 4000, extra) + bytes(100))
    for read in (read_header, read_photo):
        with pytest.raises(ImageError, match="not a picture in a known format"):
            read(tmp_path / "a.pam")


@pytest.mark.parametrize(
    "data",
    [radiance(30000, 30000), b"PF\n30000 30000\n-1.0\n", b"\x76\x2f\x31\x01" + bytes(60)],
    ids=["radiance", "pfm", "exr"],
)
def test_floating_point_formats_are_refused_before_decoding(tmp_path, data):
    (tmp_path / "a.pam").write_bytes(data)
    for read in (read_header, read_photo):
        with pytest.raises(ImageError, match="of floating-point numbers: convert it to 16 bits"):
            read(tmp_path / "a.pam")


@pytest.mark.parametrize("name", ["JPEG2000", "WEBP", "WEBP lossless", "AVIF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_sizes_of_formats_that_some_pillows_lack_are_read(name, mode):
    picture = Image.fromarray(samples.ramp()).convert(mode)
    try:
        data = samples.pillow_file(picture, name.split()[0], lossless="lossless" in name)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {name}")
    size = stored_size(data)
    assert size is not None and (size.width, size.height, size.itemsize) == (64, 48, 1)


def test_a_codestream_larger_than_its_container_says_is_checked(tmp_path):
    """OpenCV decodes the codestream, whatever its container says."""
    done, data = cv2.imencode(".jp2", samples.noise(3, "uint16", 40, 50))
    assert done
    forged = bytearray(np.asarray(data).tobytes())
    struct.pack_into(">II", forged, forged.index(b"ihdr") + 4, 1, 1)
    (tmp_path / "a.jp2").write_bytes(forged)
    with pytest.raises(ImageError, match="its 50 x 40 pixels would take"):
        read_photo(tmp_path / "a.jp2", Limits(10_000))


@pytest.mark.parametrize("head", [pam, sun])
def test_a_header_that_ends_early_has_no_size(head):
    for length in range(len(head(5, 4)) - 1):  # a PAM header may lack its last line break
        assert stored_size(head(5, 4)[:length]) is None
