import numpy as np
from PIL import Image

from ppgan_mpr.comparison.detail import most_changed


def test_the_square_around_the_only_change_is_found():
    before = np.zeros([120, 200, 3], np.uint8)
    after = before.copy()
    after[70:90, 140:160] = 255
    left, top = most_changed(Image.fromarray(before), Image.fromarray(after), 32)
    assert 128 <= left <= 140 and 58 <= top <= 70


def test_equal_pictures_show_their_middle():
    picture = Image.new("RGB", (101, 51))
    assert most_changed(picture, picture, 11) == (45, 20)


def test_a_square_as_large_as_the_picture_is_the_picture():
    before, after = Image.new("RGB", (20, 20)), Image.new("RGB", (20, 20), "red")
    assert most_changed(before, after, 20) == (0, 0)
