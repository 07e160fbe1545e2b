import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from ppgan_mpr.comparison.pictures import data_url, display_copy, jpeg_bytes, same_size
from ppgan_mpr.imaging import Metadata, from_array


def test_16_bit_grey_becomes_8_bit_rgb():
    grey = np.array([[0, 257 * 77, 65535]], np.uint16)
    assert np.asarray(display_copy(from_array(grey)))[0].tolist() == [[0] * 3, [77] * 3, [255] * 3]


def test_transparent_parts_are_white():
    pixels = np.zeros([1, 2, 4], np.uint8)
    pixels[0, 1, 3] = 255
    assert np.asarray(display_copy(from_array(pixels)))[0].tolist() == [[255] * 3, [0] * 3]


def test_only_large_pictures_are_reduced():
    large, small = from_array(np.zeros([60, 90], np.uint8)), from_array(np.zeros([6, 9], np.uint8))
    assert display_copy(large, 30).size == (30, 20)
    assert display_copy(small, 30).size == (9, 6)


def test_jpeg_keeps_the_colour_profile():
    photo = replace(
        from_array(np.zeros([8, 8, 3], np.uint8)), metadata=Metadata(icc_profile=b"profile")
    )
    file = Image.open(io.BytesIO(jpeg_bytes(display_copy(photo))))
    assert file.info["icc_profile"] == b"profile"


def test_data_url_holds_the_picture():
    kind, _, content = data_url(Image.new("RGB", (5, 4), "red")).partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (5, 4)


def test_same_size_resizes_only_if_the_size_differs():
    picture = Image.new("RGB", (5, 4))
    assert same_size(picture, (5, 4)) is picture
    assert same_size(picture, (10, 8)).size == (10, 8)
