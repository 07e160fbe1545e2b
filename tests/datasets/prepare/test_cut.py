"""Cutting photos into sub-pictures."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.datasets import MPRTrain
from ppgan_mpr.datasets.pairs import find_pairs
from ppgan_mpr.datasets.prepare.cut import Cut, cut
from ppgan_mpr.datasets.reader import read_picture
from ppgan_mpr.errors import ImageError, UsageError


@pytest.mark.parametrize(
    ("how", "length", "expected"),
    [
        (Cut(512, 256), 1280, [0, 256, 512, 768]),
        (Cut(512, 384), 1400, [0, 384, 768, 888]),  # one more that ends at the border
        (Cut(512, 384, min_rest=120), 1400, [0, 384, 768]),
        (Cut(512, 384, min_rest=119), 1400, [0, 384, 768, 888]),
        (Cut(512, 256), 512, [0]),
        (Cut(512, 256), 400, [0]),  # smaller than one: stays whole
    ],
)
def test_sub_pictures_cover_a_side(how, length, expected):
    assert how.starts(length) == expected


def test_patches_of_cut_gopro_frames_are_distributed_nearly_as_in_whole_frames():
    """The numbers in "How each training set is cut" in docs/training.md."""
    patch, frequencies, uses = 256, [], []
    for length in (720, 1280):
        places, how = length - patch + 1, Cut(512, 256)
        chances = np.zeros(places)
        starts = how.starts(length)
        for start in starts:
            within = slice(start, start + how.size - patch + 1)
            chances[within] += 1 / (how.size - patch + 1) / len(starts)
        assert chances.sum() == pytest.approx(1)
        frequencies.append(chances * places)  # 1 where whole frames are read
        covering = [np.convolve(p, np.ones(patch)) for p in (chances, np.full(places, 1 / places))]
        uses.append(covering[0] / covering[1])
    rows, columns = frequencies
    assert np.flatnonzero(rows > 1.2).tolist() == list(range(208, 257))
    assert sorted({round(chance, 1) for chance in rows}) == [0.9, 1.8]
    assert np.flatnonzero(columns > 1.2).tolist() == [256, 512, 768]  # single places
    pixels = np.outer(*uses)
    assert pixels.min() == pytest.approx(0.9, abs=0.01)
    assert pixels.max() == pytest.approx(1.08, abs=0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sub_pictures_equal_their_part_of_the_photo(pair_folder, tmp_path, dtype):
    folder, done = pair_folder(2, height=40, width=56, dtype=dtype), tmp_path / "cut"
    assert cut(folder, done, Cut(24, 16), jobs=2) == (2, 12)
    pairs = find_pairs(done)
    assert [pair.name for pair in pairs[:6]] == [
        f"0_{top}_{left}" for top in (0, 16) for left in (0, 16, 32)
    ]
    photo = read_picture(folder / "target" / "1.png")
    piece = read_picture(done / "target" / "1_16_32.png")
    assert piece.dtype == dtype
    np.testing.assert_array_equal(piece, photo[16:40, 32:56])
    assert MPRTrain(done, {"patch_size": 16})[0][0].shape == (3, 16, 16)


def test_both_views_of_a_camera_are_cut(pair_folder, tmp_path):
    folder = pair_folder(1, height=32, width=32, dtype=np.uint16)
    (folder / "input").rename(folder / "inputL")
    (folder / "inputR").mkdir()
    (folder / "inputR" / "0.png").write_bytes((folder / "target" / "0.png").read_bytes())
    assert cut(folder, tmp_path / "cut", Cut(24, 8)) == (1, 4)
    assert len(find_pairs(tmp_path / "cut", ("inputL", "inputR"))) == 4


def test_small_inputs_are_cut_at_the_same_places(tmp_path, picture, write):
    large = picture(40, 56)
    write(tmp_path / "set/target/0.png", large)
    write(tmp_path / "set/input/0.png", large[::4, ::4])
    cut(tmp_path / "set", tmp_path / "cut", Cut(24, 16, scale=4))
    target = read_picture(tmp_path / "cut/target/0_16_32.png")
    np.testing.assert_array_equal(
        read_picture(tmp_path / "cut/input/0_16_32.png"), target[::4, ::4]
    )
    with pytest.raises(UsageError, match="size=25 is not a multiple of scale=4"):
        Cut(25, 16, scale=4)


def test_interrupted_run_continues(pair_folder, tmp_path):
    folder, done = pair_folder(3, height=40, width=40), tmp_path / "cut"
    broken = folder / "target" / "2.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:200])
    with pytest.raises(ImageError, match=r"2\.png"):
        cut(folder, done, Cut(24, 16))
    times = {path: path.stat().st_mtime_ns for path in done.glob("*/*.png")}
    assert len(times) >= 16  # of the photos that are whole
    assert not list(done.glob("*/.*"))
    broken.write_bytes(whole)
    assert cut(folder, done, Cut(24, 16)) == (3, 12)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(find_pairs(done)) == 12


def test_a_folder_cut_in_another_way_is_refused(pair_folder, tmp_path):
    folder = pair_folder(1)
    cut(folder, tmp_path / "cut", Cut(24, 16))
    with pytest.raises(UsageError, match="was cut with size 24, step 16"):
        cut(folder, tmp_path / "cut", Cut(24, 8))
    with pytest.raises(UsageError, match="another folder"):
        cut(folder, folder)


def test_changed_picture_is_cut_again_and_no_other(pair_folder, tmp_path, picture, write):
    folder, done = pair_folder(2, height=40, width=56), tmp_path / "cut"
    cut(folder, done, Cut(24, 16))
    times = {path: path.stat().st_mtime_ns for path in done.glob("*/0_*.png")}
    changed = 255 - picture(40, 40)
    for part in ("input", "target"):
        write(folder / part / "1.png", changed)
    assert cut(folder, done, Cut(24, 16)) == (2, 6 + 4)
    assert len(find_pairs(done)) == 10  # none of the wider picture is left
    np.testing.assert_array_equal(
        read_picture(done / "target" / "1_16_16.png"),
        read_picture(folder / "target" / "1.png")[16:40, 16:40],
    )
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


def test_a_folder_cut_from_other_pictures_is_refused(pair_folder, tmp_path):
    folder = pair_folder(2)
    cut(folder, tmp_path / "cut", Cut(24, 16))
    for part in ("input", "target"):
        (folder / part / "1.png").unlink()
    before = {path: path.read_bytes() for path in (tmp_path / "cut").rglob("*.*")}
    with pytest.raises(UsageError, match=r"such as input/1\.png: give another folder"):
        cut(folder, tmp_path / "cut", Cut(24, 16))
    assert {path: path.read_bytes() for path in (tmp_path / "cut").rglob("*.*")} == before
