import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.comparison.panel import Column, Comparison


def columns(count, size=(300, 200)):
    before = Image.new("RGB", size, (0, 0, 200))
    after = before.copy()
    after.paste((0, 200, 0), (200, 100, 290, 190))
    return [Column("before", before), Column("after", after), Column("target", after)][:count]


@pytest.mark.parametrize("count", [2, 3])
def test_all_pictures_are_side_by_side(count):
    two, panel = Comparison(columns(2)).panel(), Comparison(columns(count)).panel()
    assert (panel.width - two.width) % (two.width // 2 - 6) == 0
    assert panel.height == two.height


def test_the_changed_part_is_magnified():
    panel = np.asarray(Comparison(columns(2)).panel())
    height, width = panel.shape[:2]
    before, after = panel[height - 200, width // 4], panel[height - 200, 3 * width // 4]
    assert before.tolist() == [0, 0, 200] and after.tolist() == [0, 200, 0]


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (4000, 10)])
def test_any_size_makes_a_panel(size):
    picture = Image.new("RGB", size)
    assert Comparison([Column("a", picture), Column("b", picture)]).panel().width > 1000


def test_the_first_picture_is_resized_to_the_second():
    small, large = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (80, 60), "red")
    panel = Comparison([Column("before", small), Column("after", large)]).panel()
    again = Comparison([Column("before", large), Column("after", large)]).panel()
    assert np.array_equal(np.asarray(panel), np.asarray(again))


def test_the_panel_has_the_colour_profile():
    one, other = columns(2)
    other.picture.info["icc_profile"] = b"profile"
    assert Comparison([one, other]).panel().info["icc_profile"] == b"profile"
