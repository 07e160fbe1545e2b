from __future__ import annotations

import zlib

import cv2
import imaging_samples as samples
import numpy as np
import pytest

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import opencv


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_samples_come_back_in_the_order_of_rgb(dtype, channels):
    picture = samples.noise(channels, dtype).reshape(13, 17, channels)
    pixels, alpha = opencv.decode(opencv.encode_png(picture, 1, zlib.Z_RLE))
    np.testing.assert_array_equal(pixels, picture[..., : 3 if channels > 1 else 1])
    if channels == 4:
        np.testing.assert_array_equal(alpha, picture[..., 3])
    else:
        assert alpha is None


@pytest.mark.parametrize("data", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_undecodable_data_gives_none_and_prints_nothing(data, capfd):
    assert opencv.decode(data) is None
    assert capfd.readouterr().err == ""


def test_opencvs_log_level_is_left_as_it_was():
    log = getattr(cv2.utils, "logging", cv2)
    before = log.getLogLevel()
    log.setLogLevel(2)
    opencv.decode(b"no picture")
    after = log.getLogLevel()
    log.setLogLevel(before)
    assert after == 2


def test_sides_that_png_readers_refuse_are_not_written():
    with pytest.raises(ImageError, match=r"at most 1000000 pixels, choose \.tif"):
        opencv.encode_png(np.zeros((1, 1_000_001, 1), np.uint8), 1, zlib.Z_RLE)
