"""JPEG 2000 files keep the metadata that Pillow skips."""

from __future__ import annotations

import struct
from dataclasses import replace

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, features

from ppgan_mpr.imaging import read_photo, unkept, write_photo

pytestmark = pytest.mark.skipif(not features.check("jpg_2000"), reason="no JPEG 2000")


def boxes(data: bytes):
    """(type, content) of the boxes of a file, by an independent parser."""
    found, position = [], 0
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + length if length else len(data)
        found.append((kind, data[position + 8 : end]))
        position = end
    return found


def with_profile(jp2: bytes, profile: bytes, method: int = 2) -> bytes:
    """A file as another program writes it, with an ICC profile in its colour box."""
    colour = bytes([method, 0, 0]) + profile
    parts = []
    for kind, body in boxes(jp2):
        if kind == b"jp2h":
            inner = [(k, colour if k == b"colr" else b) for k, b in boxes(body)]
            body = b"".join(struct.pack(">I4s", 8 + len(b), k) + b for k, b in inner)
        parts.append(struct.pack(">I4s", 8 + len(body), kind) + body)
    return b"".join(parts)


@pytest.mark.parametrize("suffix", [".jp2", ".png", ".jpg", ".tif"])
@pytest.mark.parametrize("method", [2, 3])
def test_colour_profile_is_kept(tmp_path, suffix, method):
    pixels = samples.ramp()
    plain = samples.pillow_file(Image.fromarray(pixels), "JPEG2000")
    (tmp_path / "a.jp2").write_bytes(with_profile(plain, samples.SRGB, method))
    photo = read_photo(tmp_path / "a.jp2")
    np.testing.assert_array_equal(photo.pixels, pixels)
    write_photo(photo, tmp_path / f"b{suffix}")
    if suffix == ".jp2":
        header = dict(boxes(dict(boxes((tmp_path / "b.jp2").read_bytes()))[b"jp2h"]))
        assert header[b"colr"] == b"\2\0\0" + samples.SRGB
    else:
        with Image.open(tmp_path / f"b{suffix}") as image:
            assert image.info["icc_profile"] == samples.SRGB


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_metadata_survive(tmp_path, channels):
    photo = samples.annotated(samples.noise(channels, "uint8"))
    metadata = replace(photo.metadata, iptc=b"\x1c\x02\x05\0\1x", comment=b"by the lake")
    photo = replace(photo, metadata=metadata)
    write_photo(photo, tmp_path / "a.jp2")
    assert unkept(photo, ".jp2") == ()
    with Image.open(tmp_path / "a.jp2") as image:  # another reader of resolution and comment
        np.testing.assert_array_equal(np.asarray(image), photo.to_array())
        assert image.info["dpi"] == pytest.approx((300, 150), rel=1e-4)
        assert image.info["comment"] == b"by the lake"
    back = read_photo(tmp_path / "a.jp2").metadata
    assert (back.exif, back.xmp, back.icc_profile) == (metadata.exif, metadata.xmp, samples.SRGB)
    assert (back.iptc, back.comment) == (metadata.iptc, b"by the lake")


@pytest.mark.parametrize("dpi", [1.5, 72.0, 654.9, 2400.0, 9600.0])
def test_resolution_of_any_size_survives(tmp_path, dpi):
    photo = samples.annotated(samples.ramp())
    metadata = replace(photo.metadata, dpi=(dpi, 300.0), icc_profile=None)
    write_photo(replace(photo, metadata=metadata), tmp_path / "a.jp2")
    with Image.open(tmp_path / "a.jp2") as image:
        assert image.info["dpi"] == pytest.approx((dpi, 300), rel=1e-3)


def test_comment_of_the_encoder_is_ignored(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jp2")
    assert read_photo(tmp_path / "a.jp2").metadata.comment is None


def test_orientation_in_the_exif_box_is_applied(tmp_path):
    photo = samples.annotated(samples.ramp())
    metadata = replace(photo.metadata, exif=samples.exif_block(6), xmp=None)
    write_photo(replace(photo, metadata=metadata), tmp_path / "a.jp2")
    back = read_photo(tmp_path / "a.jp2")
    np.testing.assert_array_equal(back.pixels, np.rot90(photo.pixels, -1))
    assert back.metadata.exif == samples.exif_block(1)[:58] + bytes(4) + samples.exif_block(1)[62:]
