from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.imaging import Metadata, from_array
from ppgan_mpr.imaging.reduce import reduced


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_depth_channels_and_brightness_are_kept(dtype, channels):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    photo = from_array(np.full([30, 90, channels], white // 2 or 0.5, dtype))
    small = reduced(photo, 45)
    assert small.size == (45, 15)
    assert small.to_array().dtype == dtype
    np.testing.assert_allclose(small.to_array().mean(), photo.to_array().mean(), atol=1e-6)
    assert (small.alpha is None) == (photo.alpha is None)


def test_a_photo_that_is_small_enough_is_unchanged():
    photo = from_array(np.zeros([5, 9], np.uint8))
    assert reduced(photo, 9) is photo


def test_the_size_in_exif_is_updated():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA002] = 90
    exif.get_ifd(0x8769)[0xA003] = 30
    block = exif.tobytes()[len(b"Exif\0\0") :]
    photo = replace(from_array(np.zeros([30, 90], np.uint8)), metadata=Metadata(exif=block))
    result = Image.Exif()
    result.load(reduced(photo, 45).metadata.exif)
    details = result.get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (45, 15)
