from __future__ import annotations

import math

import numpy as np
import pytest

from ppgan_mpr.datasets import MPRTest, MPRTrain, MPRVal, SampleIndex
from ppgan_mpr.datasets.augment import dihedral
from ppgan_mpr.datasets.reader import to_planes
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging.enlarge import enlarge


def _draw(number, index=0):
    return SampleIndex(index, (0, number, index))


def test_input_and_target_are_the_same_patch(pair_folder):
    dataset = MPRTrain(pair_folder(3), {"patch_size": 16})
    for number in range(20):
        target, degraded, name = dataset[_draw(number, number % 3)]
        assert target.shape == degraded.shape == (3, 16, 16)
        assert target.dtype == degraded.dtype == np.float32
        assert target + degraded == pytest.approx(np.ones((3, 16, 16)), abs=1e-6)
        assert name == str(number % 3)


def test_sample_depends_on_seed_epoch_and_index_only(pair_folder):
    folder = pair_folder(2)
    dataset, other = (MPRTrain(folder, {"patch_size": 16, "saturation": 0.2}) for _ in range(2))
    first = dataset[_draw(1)]
    dataset[_draw(2)], np.random.rand()
    assert np.array_equal(other[_draw(1)][0], first[0])
    assert not np.array_equal(dataset[_draw(2)][0], first[0])


def test_plain_indices_use_numpys_global_seed(pair_folder):
    dataset = MPRTrain(pair_folder(2), {"patch_size": 16})
    np.random.seed(1)
    first, second = dataset[0][0], dataset[0][0]
    assert not np.array_equal(first, second)
    np.random.seed(1)
    assert np.array_equal(dataset[0][0], first)


def test_all_eight_turns_and_all_places_are_drawn(tmp_path, picture, write):
    # One pixel of room to move, so every patch can be recognised.
    pixels = picture(9, 9)
    for part in ("input", "target"):
        write(tmp_path / part / "a.png", pixels)
    dataset = MPRTrain(tmp_path, {"patch_size": 8})
    known = {
        to_planes(dihedral(pixels[top : top + 8, left : left + 8], turn)).tobytes(): key
        for key, (top, left, turn) in enumerate(
            (top, left, turn) for top in range(2) for left in range(2) for turn in range(8)
        )
    }
    draws = 3200
    seen = np.bincount(
        [known[dataset[_draw(number)][0].tobytes()] for number in range(draws)], minlength=32
    )
    # Chi-squared with 31 degrees of freedom: beyond 61 once in a thousand (the draws are fixed).
    expected = draws / 32
    assert ((seen - expected) ** 2 / expected).sum() < 61


def test_saturation_changes_one_pair_in_three_and_both_alike(tmp_path, picture, write):
    for part in ("input", "target"):
        write(tmp_path / part / "a.png", picture(8, 8))
    plain = MPRTrain(tmp_path, {"patch_size": 8})
    dataset = MPRTrain(tmp_path, {"patch_size": 8, "saturation": 0.2})
    changed = 0
    for number in range(300):
        target, degraded, _ = dataset[_draw(number)]
        assert np.array_equal(target, degraded)
        changed += not np.array_equal(target, plain[_draw(number)][0])
    assert abs(changed / 300 - 1 / 3) < 4 * math.sqrt(2 / 9 / 300)


@pytest.mark.parametrize("height, width", [(5, 40), (40, 5), (3, 3), (1, 1)])
def test_photos_smaller_than_the_patch_are_padded_by_reflection(pair_folder, height, width):
    dataset = MPRTrain(pair_folder(1, height=height, width=width), {"patch_size": 16})
    target, degraded, _ = dataset[_draw(3)]
    assert target.shape == (3, 16, 16)
    assert target + degraded == pytest.approx(np.ones((3, 16, 16)), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cached_samples_equal_decoded_ones(pair_folder, dtype, caplog):
    caplog.set_level("INFO")
    folder = pair_folder(4, dtype=dtype)
    size = 40 * 48 * 3 * np.dtype(dtype).itemsize
    plain = MPRTrain(folder, {"patch_size": 16})
    # Room for two pairs and a half.
    cached = MPRTrain(folder, {"patch_size": 16, "cache_gb": 5 * size / 1e9})
    assert "holds 2 of 4 pairs" in caplog.text
    for number in range(24):
        for got, expected in zip(
            cached[_draw(number, number % 4)], plain[_draw(number, number % 4)]
        ):
            assert np.array_equal(got, expected)
    for path in folder.glob("*/[01].png"):
        path.unlink()
    assert np.array_equal(cached[_draw(9, 1)][0], cached[_draw(9, 1)][0])
    with pytest.raises(ImageError, match=r"3\.png"):
        (folder / "target" / "3.png").unlink()
        cached[_draw(9, 3)]


def test_index_sets_the_patch_size(pair_folder):
    dataset = MPRTrain(pair_folder(1), {"patch_size": 16})
    assert dataset[SampleIndex(0, (0, 0, 0), 32)][0].shape == (3, 32, 32)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "patch_size of MPRTrain is None"),
        ({"patch_size": 20}, "multiple of 8"),
        ({"patch_size": 16, "saturaton": 0.2}, "did you mean saturation"),
        ({"patch_size": 16, "saturation": 2}, "from 0 to 1"),
        ({"patch_size": 16, "cache_gb": "4"}, "cache_gb.*'4'"),
        ({"patch_size": 16, "rotate": 1}, "rotate is 1: give true or false"),
        ({"patch_size": 16, "scale": 1.5}, "scale=1.5: give a whole number"),
        ({"patch_size": 16, "scale": 2}, "targets not 2 times their input .* 48x40 against"),
        ({"patch_size": 16, "dual_pixel": True}, "inputL/, inputR/ and target/"),
    ],
)
def test_wrong_options_are_explained(pair_folder, options, message):
    with pytest.raises(UsageError, match=message):
        MPRTrain(pair_folder(1), options)


def test_validation_gives_whole_photos_or_centre_crops(pair_folder, picture):
    folder = pair_folder(2)
    whole = MPRVal(folder)
    target, degraded, name = whole[1]
    assert name == "1" and np.array_equal(degraded, to_planes(picture(seed=1)))
    assert target + degraded == pytest.approx(np.ones((3, 40, 48)), abs=1e-6)
    centre = MPRVal(folder, {"patch_size": 16})[1][1]
    assert np.array_equal(centre, degraded[:, 12:28, 16:32])
    assert MPRVal(folder, {"patch_size": 256})[1][1].shape == (3, 40, 48)


def test_test_set_works_with_and_without_targets(pair_folder):
    folder = pair_folder(2)
    assert [len(MPRTest(path, None)[0]) for path in (folder, folder / "input")] == [3, 2]
    assert MPRTest(folder / "input")[1][1] == "1"
    for path in (folder / "target").iterdir():
        path.unlink()
    (folder / "target").rmdir()
    degraded, name = MPRTest(folder)[0]
    assert degraded.shape == (3, 40, 48) and name == "0"


def _turns_seen(dataset, pixels):
    """The arguments of `dihedral` that occur, found by comparing targets with the whole photo."""
    known = {to_planes(dihedral(pixels, turn)).tobytes(): turn for turn in range(8)}
    return {known[dataset[_draw(number)][0].tobytes()] for number in range(60)}


def test_without_rotate_patches_are_mirrored_only(tmp_path, picture, write):
    pixels = picture(8, 8)
    for part in ("input", "target"):
        write(tmp_path / part / "a.png", pixels)
    assert _turns_seen(MPRTrain(tmp_path, {"patch_size": 8}), pixels) == set(range(8))
    flips = _turns_seen(MPRTrain(tmp_path, {"patch_size": 8, "rotate": False}), pixels)
    shown = [dihedral(pixels, turn) for turn in sorted(flips)]
    expected = [pixels, pixels[::-1, ::-1], pixels[:, ::-1], pixels[::-1]]
    assert len(flips) == 4
    for got, wanted in zip(shown, expected):
        assert np.array_equal(got, wanted)


def test_without_mirror_patches_are_turned_only(tmp_path, picture, write):
    pixels = picture(8, 8)
    for part in ("input", "target"):
        write(tmp_path / part / "a.png", pixels)
    options = {"patch_size": 8, "mirror": False}
    assert _turns_seen(MPRTrain(tmp_path, options), pixels) == {0, 1, 2, 3}
    assert _turns_seen(MPRTrain(tmp_path, {**options, "rotate": False}), pixels) == {0}


@pytest.fixture
def dual_pixel_folder(tmp_path, picture, write):
    """A folder of 16-bit views: the target shifted by a pixel to the left and to the right."""
    for number in range(2):
        scene = picture(24, 34, number, dtype=np.uint16)
        views = {"inputL": scene[:, :-2], "target": scene[:, 1:-1], "inputR": scene[:, 2:]}
        for part, pixels in views.items():
            write(tmp_path / part / f"{number}.png", pixels)
    return tmp_path


def test_dual_pixel_views_keep_their_disparity(dual_pixel_folder):
    dataset = MPRTrain(dual_pixel_folder, {"patch_size": 16, "dual_pixel": True})
    patches = set()
    for number in range(40):
        target, views, _ = dataset[_draw(number, number % 2)]
        assert views.shape == (6, 16, 16) and target.shape == (3, 16, 16)
        # However the patch was mirrored, the left view is shifted to the same side.
        assert np.array_equal(views[:3, :, 1:], target[:, :, :-1])
        assert np.array_equal(views[3:, :, :-1], target[:, :, 1:])
        patches.add(target.tobytes())
    assert len(patches) > 30
    assert len(np.unique(np.float32(65535) * target)) > 256  # more than 8 bits arrive


def test_dual_pixel_views_are_validated_and_cached(dual_pixel_folder, caplog):
    caplog.set_level("INFO")
    target, views, name = MPRVal(dual_pixel_folder, {"dual_pixel": True})[1]
    assert (target.shape, views.shape, name) == ((3, 24, 32), (6, 24, 32), "1")
    assert np.array_equal(views[:3, :, 1:], target[:, :, :-1])
    options = {"patch_size": 16, "dual_pixel": True}
    plain = MPRTrain(dual_pixel_folder, options)
    cached = MPRTrain(dual_pixel_folder, {**options, "cache_gb": 1e-3})
    assert "holds 2 of 2 pairs" in caplog.text
    for number in range(8):
        for got, expected in zip(
            cached[_draw(number, number % 2)], plain[_draw(number, number % 2)]
        ):
            assert np.array_equal(got, expected)
    (dual_pixel_folder / "inputR" / "1.png").unlink()
    with pytest.raises(UsageError, match=r"1 pictures of inputL/ without a partner \(1.png\)"):
        MPRTrain(dual_pixel_folder, options)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_enlarged_patch_equals_the_enlarged_photo_there(tmp_path, picture, write, scale, dtype):
    small = picture(20, 26, dtype=dtype)
    whole = enlarge(small, 20 * scale, 26 * scale)
    write(tmp_path / "input" / "a.png", small)
    # The target is the enlarged photo itself: input and target of a patch must then agree.
    top = np.iinfo(dtype).max
    write(tmp_path / "target" / "a.png", np.rint(whole * top).astype(dtype))
    for cache_gb in (0.0, 1e-3):
        options = {"patch_size": 16, "scale": scale, "cache_gb": cache_gb}
        dataset = MPRTrain(tmp_path, options)
        for number in range(30):
            target, degraded, _ = dataset[_draw(number)]
            np.testing.assert_allclose(degraded, target, atol=0.51 / top + 1e-6)
    target, degraded, _ = MPRVal(tmp_path, {"scale": scale})[0]
    np.testing.assert_array_equal(degraded, whole.transpose(2, 0, 1))


def test_small_photos_are_enlarged_then_padded(tmp_path, picture, write):
    write(tmp_path / "input" / "a.png", picture(5, 6))
    write(tmp_path / "target" / "a.png", picture(10, 12))
    target, degraded, _ = MPRTrain(tmp_path, {"patch_size": 16, "scale": 2})[_draw(0)]
    assert target.shape == degraded.shape == (3, 16, 16)


def test_workers_of_a_plain_loader_draw_their_own_patches(loader_runs):
    # two patches may be equal by chance; workers with the same seed would give only 4 of 8
    assert len(set(loader_runs["plain"])) > 6
