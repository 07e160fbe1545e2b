"""Which files are decoded without a separate process."""

from __future__ import annotations

import imaging_samples as samples
import pytest
from PIL import Image

from ppgan_mpr.imaging.ordinary import is_ordinary

RGB = Image.fromarray(samples.ramp())
JPEG = samples.pillow_file(RGB, "JPEG")
SCANS = JPEG.index(b"\xff\xda")


def large(jpeg: bytes, frame: bytes) -> bytes:
    """The JPEG with a header that claims 5000 x 5000 pixels."""
    start = jpeg.index(frame) + 5
    return jpeg[:start] + b"\x13\x88" * 2 + jpeg[start + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        JPEG,
        samples.pillow_file(RGB, "JPEG", progressive=True),
        samples.pillow_file(RGB.convert("L"), "JPEG", exif=b"Exif\0\0" + samples.exif_block()),
        samples.pillow_file(RGB, "PNG", icc_profile=samples.SRGB),
        samples.pillow_file(RGB.quantize(), "PNG"),
        samples.raw_png([b"\xa0", b"\x50"], 4, 1, 0),
        large(JPEG, b"\xff\xc0"),
    ],
)
def test_usual_photos_of_cameras_and_the_web_are_ordinary(data):
    assert is_ordinary(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        JPEG[:100],
        samples.pillow_file(RGB.convert("CMYK"), "JPEG"),
        large(samples.pillow_file(RGB, "JPEG", progressive=True), b"\xff\xc2"),
        JPEG[:SCANS] + JPEG[SCANS:-2] * 65,  # each scan is a pass over the whole picture
        JPEG[:2] + (b"\xff\xe2\xff\xff" + bytes(65533)) * 17 + JPEG[2:],  # metadata of 1.1 MB
        samples.raw_png_16(samples.noise(3, "uint16")),
        samples.raw_png([b"\0"], 1, 8, 0, samples.chunk(b"tEXt", bytes(1 << 20))),
        samples.pillow_file(RGB, "PNG")[:-20],
        samples.pillow_file(RGB, "WEBP"),
        samples.pillow_file(RGB, "TIFF"),
        samples.pillow_file(RGB, "GIF"),
        samples.pillow_file(RGB, "BMP"),
    ],
)
def test_all_other_files_are_not_ordinary(data):
    assert not is_ordinary(data)
