import json

import numpy as np
import pytest

from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging import read_photo
from ppgan_mpr.metrics import PROTOCOLS, Protocol, get_protocol
from ppgan_mpr.networks import weights_records

# protocol -> the columns of metric_golden.json that it must reproduce
COLUMNS = {
    "gopro": ("psnr_rgb", "ssim_rgb_3d"),
    "sidd": ("psnr_rgb", "ssim_rgb_3d"),
    "rain-y": ("matlab_y_psnr", "matlab_y_ssim"),
    "ppgan-crop256": ("ppgan_crop256_psnr", "ppgan_crop256_ssim"),
    "ppgan-crop256-y": ("ppgan_crop256_psnr_y", "ppgan_crop256_ssim_y"),
}


@pytest.fixture(scope="module")
def golden(fixtures_dir, pairs_dir):
    rows = json.loads((fixtures_dir / "metric_golden.json").read_text())
    photos = []
    for row in rows:
        folder, _, name = row["pair"].rpartition("/")
        photos.append(
            [read_photo(pairs_dir / folder / kind / name).pixels for kind in ("input", "target")]
        )
    return list(zip(rows, photos))


@pytest.mark.parametrize("name", COLUMNS)
def test_reference_evaluations_are_reproduced(golden, name):
    protocol = get_protocol(name)
    compared = 0
    for row, (restored, target) in golden:
        if protocol.block and row["pair"].split("/")[1] != "SIDD_val_blocks":
            continue
        score = protocol.score(restored, target)
        expected = [row[column] for column in COLUMNS[name]]
        assert score["psnr"] == pytest.approx(expected[0], abs=1e-3), row["pair"]
        assert score["ssim"] == pytest.approx(expected[1], abs=1e-4), row["pair"]
        compared += 1
    assert compared == (4 if protocol.block else 23)


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    target = rng.integers(0, 256, (256, 512, 3), dtype=np.uint8)
    return np.clip(target + rng.normal(0, 9, target.shape), 0, 255).astype(np.uint8), target


@pytest.mark.parametrize("name", PROTOCOLS)
def test_integers_and_the_floats_they_stand_for_score_alike(pair, name):
    restored, target = pair
    protocol = get_protocol(name)
    expected = pytest.approx(protocol.score(restored, target), abs=1e-4)
    assert protocol.score(restored.astype(np.float32) / 255, target) == expected
    if not (protocol.colour == "y" and protocol.round_luma):  # rounding is finer in 16 bits
        assert protocol.score(restored, target.astype(np.uint16) * 257) == expected
    assert protocol.psnr(restored, target) == protocol.score(restored, target)["psnr"]
    assert protocol.ssim(restored, target) == protocol.score(restored, target)["ssim"]


def test_only_sidd_sees_what_eight_bits_would_round_away(pair):
    _, target = pair
    almost = np.clip(target / 255 + 0.3 / 255, 0, 1)
    assert get_protocol("gopro").psnr(almost, target) == np.inf
    assert 58 < get_protocol("sidd").psnr(almost, target) < 59
    assert get_protocol("sidd").psnr(target / 255 + 9 * (target == 255), target) > 140  # clipped


def test_sidd_averages_over_blocks(pair):
    restored, target = pair
    restored = restored.copy()
    restored[:, 256:] = 255 - restored[:, 256:]
    sidd = get_protocol("sidd")
    halves = [sidd.psnr(restored[:, s], target[:, s]) for s in (np.s_[:256], np.s_[256:])]
    assert sidd.psnr(restored, target) == pytest.approx(np.mean(halves))
    assert get_protocol("gopro").psnr(restored, target) < np.mean(halves) - 3
    with pytest.raises(ImageError, match="blocks"):
        sidd.score(restored[:200], target[:200])


def test_crop_and_border_are_what_counts(pair):
    restored, target = (np.pad(p, ((9, 8), (0, 0), (0, 0))) for p in pair)
    inside = np.zeros(target.shape[:2], bool)
    inside[8 + 4 : 8 + 252, 128 + 4 : 128 + 252] = True
    spoiled = np.where(inside[..., None], restored, 255 - restored)
    crop = get_protocol("ppgan-crop256")
    assert crop.score(spoiled, target) == crop.score(restored, target)
    inside[12, 132] = False
    spoiled = np.where(inside[..., None], restored, 255 - restored)
    assert crop.score(spoiled, target) != crop.score(restored, target)


def test_grey_beside_colour_is_three_equal_channels(pair):
    restored, target = pair
    grey = restored[..., :1]
    for protocol in PROTOCOLS.values():
        assert protocol.score(grey, target) == protocol.score(np.repeat(grey, 3, 2), target)
    assert get_protocol("gopro").score(grey[..., 0], grey) == {"psnr": np.inf, "ssim": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], "512x255"),
        (lambda p: p[..., :2], "shape"),
        (lambda p: p.astype(np.int64), "int64"),
        (lambda p: np.full(p.shape, np.nan), "NaN"),
    ],
)
def test_what_is_no_picture_is_the_users_error(pair, change, message):
    with pytest.raises(ImageError, match=message):
        get_protocol("gopro").score(change(pair[0]), pair[1])


def test_a_float_target_beyond_one_is_not_silently_clipped(pair):
    with pytest.raises(ImageError, match=r"\[0, 1\]"):
        get_protocol("gopro").score(pair[0], pair[1].astype(np.float32))


def test_a_picture_that_the_crop_leaves_empty(pair):
    with pytest.raises(ImageError, match=r"too small.*ppgan-crop256"):
        get_protocol("ppgan-crop256").score(pair[0][:254], pair[1][:254])


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UsageError, match="did you mean rain-y"):
        get_protocol("rain_y")
    with pytest.raises(UsageError, match="gopro, sidd"):
        get_protocol("xyzzy")


def test_every_protocol_is_that_of_a_published_score():
    used = {score.protocol for record in weights_records() for score in record.scores}
    assert set(PROTOCOLS) <= used
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name and protocol.source


def test_a_crop_of_the_data_is_part_of_the_name():
    border = Protocol("border2", "full frame less 2 pixels of border", border=2)
    cropped = border.cropped(64)
    assert cropped.name == "crop64-border2"
    assert cropped.description.startswith("64x64 centre crop less 2")
    assert (cropped.crop, cropped.border) == (64, 2)
    assert get_protocol("ppgan-crop256").cropped(256) is get_protocol("ppgan-crop256")
    for name in ("gopro", "ppgan-crop256"):
        with pytest.raises(UsageError, match="crops its pictures to 64x64"):
            get_protocol(name).cropped(64)


def test_grey_scores_alike_however_it_is_stored():
    rng = np.random.default_rng(0)
    grey = [rng.integers(0, 256, (16, 16, 1), dtype=np.uint8) for _ in range(2)]
    coloured = [picture.repeat(3, 2) for picture in grey]
    for name in ("rain-y", "gopro"):
        expected = get_protocol(name).score(*coloured)
        assert get_protocol(name).score(*grey) == pytest.approx(expected)
