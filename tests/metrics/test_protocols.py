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
# protocols of MIRNet-v2's authors, for which metric_golden.json has no scores
OTHERS = ("realsr-x2", "realsr-x3", "realsr-x4", "dpdd")


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


def volume_ssim(restored, target):
    """MATLAB's SSIM of an RGB volume, by SciPy's filter."""
    ndimage = pytest.importorskip("scipy.ndimage")

    def blur(volume):
        return ndimage.gaussian_filter(volume, sigma=1.5, truncate=3.5, mode="nearest")

    x, y = restored.astype(np.float64), target.astype(np.float64)
    mean_x, mean_y = blur(x), blur(y)
    similarity = (2 * mean_x * mean_y + 0.01**2) * (2 * (blur(x * y) - mean_x * mean_y) + 0.03**2)
    similarity /= mean_x**2 + mean_y**2 + 0.01**2
    similarity /= blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2 + 0.03**2
    return similarity.mean()


def channel_ssim(metrics, restored, target):
    return metrics.structural_similarity(
        restored, target, data_range=1, channel_axis=2, gaussian_weights=True,
        use_sample_covariance=False,
    )  # fmt: skip


def independent_scores(name, restored, target):
    """PSNR and SSIM by scikit-image and SciPy, for floats in [0, 1] that are 8-bit codes."""
    metrics = pytest.importorskip("skimage.metrics")
    colour = pytest.importorskip("skimage.color")
    if name.startswith("ppgan"):
        top, left = ((side - 256) // 2 for side in target.shape[:2])
        inside = np.s_[top + 4 : top + 252, left + 4 : left + 252]
        restored, target = restored[inside], target[inside]
    if name.startswith("realsr"):  # MATLAB's a(scale:end-scale, scale:end-scale, :)
        scale = int(name[-1])
        restored, target = (p[scale - 1 : -scale, scale - 1 : -scale] for p in (restored, target))
    if name in ("rain-y", "ppgan-crop256-y") or name.startswith("realsr"):
        luma = [colour.rgb2ycbcr(picture)[..., :1] for picture in (restored, target)]
        if name != "ppgan-crop256-y":
            luma = [np.floor(plane + 0.5) for plane in luma]  # MATLAB rounds halves up
        restored, target = (plane / 255 for plane in luma)
    if name == "sidd":
        blocks = [np.s_[:256, start : start + 256] for start in (0, 256)]
        psnrs = [
            metrics.peak_signal_noise_ratio(target[block], restored[block], data_range=1)
            for block in blocks
        ]
        ssims = [volume_ssim(restored[block], target[block]) for block in blocks]
        return np.mean(psnrs), np.mean(ssims)
    psnr = metrics.peak_signal_noise_ratio(target, restored, data_range=1)
    if name == "gopro":
        return psnr, volume_ssim(restored, target)
    if name == "dpdd":
        return psnr, metrics.structural_similarity(restored, target, data_range=1, channel_axis=2)
    return psnr, channel_ssim(metrics, restored, target)


@pytest.mark.parametrize("name", (*COLUMNS, *OTHERS))
def test_scores_agree_with_scikit_image_and_scipy(name):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:256, :512]
    waves = [np.sin(x / (5 + 3 * k)) * np.cos(y / (11 - 2 * k)) for k in range(3)]
    clean = np.stack(waves, axis=2) * 90 + 120
    target = np.rint(clean + rng.normal(0, 3, clean.shape)).clip(0, 255).astype(np.uint8)
    blurred = (clean + np.roll(clean, 2, axis=1) + np.roll(clean, -1, axis=0)) / 3
    restored = np.rint(blurred + rng.normal(0, 6, clean.shape)).clip(0, 255).astype(np.uint8)
    score = get_protocol(name).score(restored, target)
    expected = independent_scores(name, restored / 255, target / 255)
    assert score["psnr"] == pytest.approx(expected[0], abs=1e-4)
    assert score["ssim"] == pytest.approx(expected[1], abs=1e-5)
    assert score["psnr"] < 35 and score["ssim"] < 0.97


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    target = rng.integers(0, 256, (256, 512, 3), dtype=np.uint8)
    return np.clip(target + rng.normal(0, 9, target.shape), 0, 255).astype(np.uint8), target


@pytest.mark.parametrize("name", PROTOCOLS)
def test_integers_and_equivalent_floats_score_alike(pair, name):
    restored, target = pair
    protocol = get_protocol(name)
    expected = pytest.approx(protocol.score(restored, target), abs=1e-4)
    assert protocol.score(restored.astype(np.float32) / 255, target) == expected
    if not (protocol.colour == "y" and protocol.round_luma):  # rounding is finer in 16 bits
        assert protocol.score(restored, target.astype(np.uint16) * 257) == expected
    assert protocol.psnr(restored, target) == protocol.score(restored, target)["psnr"]
    assert protocol.ssim(restored, target) == protocol.score(restored, target)["ssim"]


def test_sidd_scores_unrounded_floats_and_gopro_rounded_ones(pair):
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


def test_only_the_crop_within_its_border_is_scored(pair):
    restored, target = (np.pad(p, ((9, 8), (0, 0), (0, 0))) for p in pair)
    inside = np.zeros(target.shape[:2], bool)
    inside[8 + 4 : 8 + 252, 128 + 4 : 128 + 252] = True
    spoiled = np.where(inside[..., None], restored, 255 - restored)
    crop = get_protocol("ppgan-crop256")
    assert crop.score(spoiled, target) == crop.score(restored, target)
    inside[12, 132] = False
    spoiled = np.where(inside[..., None], restored, 255 - restored)
    assert crop.score(spoiled, target) != crop.score(restored, target)


def test_grey_next_to_colour_counts_as_three_equal_channels(pair):
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
def test_invalid_pictures_are_refused(pair, change, message):
    with pytest.raises(ImageError, match=message):
        get_protocol("gopro").score(change(pair[0]), pair[1])


def test_float_target_above_one_is_refused(pair):
    with pytest.raises(ImageError, match=r"\[0, 1\]"):
        get_protocol("gopro").score(pair[0], pair[1].astype(np.float32))


def test_picture_too_small_for_the_crop_is_refused(pair):
    with pytest.raises(ImageError, match=r"too small.*ppgan-crop256"):
        get_protocol("ppgan-crop256").score(pair[0][:254], pair[1][:254])


def test_unknown_protocol_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean rain-y"):
        get_protocol("rain_y")
    with pytest.raises(UsageError, match="gopro, sidd"):
        get_protocol("xyzzy")


def test_every_protocol_has_a_published_score():
    # the published scores of OTHERS have not been checked, so no record quotes them
    used = {score.protocol for record in weights_records() for score in record.scores}
    assert set(PROTOCOLS) - set(OTHERS) <= used
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name and protocol.source


def test_cropped_protocol_is_named_after_its_crop():
    border = Protocol("border2", "full frame less 2 pixels of border", border=2)
    cropped = border.cropped(64)
    assert cropped.padding == border.padding == "end"
    assert cropped.name == "crop64-border2"
    assert cropped.description.startswith("64x64 centre crop less 2")
    assert (cropped.crop, cropped.border) == (64, 2)
    assert get_protocol("ppgan-crop256").cropped(256) is get_protocol("ppgan-crop256")
    for name in ("gopro", "ppgan-crop256"):
        with pytest.raises(UsageError, match="crops its pictures to 64x64"):
            get_protocol(name).cropped(64)


def test_named_protocols_state_the_padding_of_their_scores():
    assert {protocol.padding for protocol in PROTOCOLS.values()} == {"end"}
    with pytest.raises(UsageError, match="padding='all'"):
        Protocol("mine", "padded on all sides", padding="all")


def test_protocol_with_another_padding_is_not_the_named_one():
    mine = Protocol("border4", "full frame less 4 pixels of border", border=4)
    assert mine.cropped(256) is get_protocol("ppgan-crop256")
    mine = Protocol("border4", "full frame less 4 pixels of border", border=4, padding="both")
    assert mine.cropped(256).name == "crop256-border4"


def test_grey_pictures_score_like_three_equal_channels():
    rng = np.random.default_rng(0)
    grey = [rng.integers(0, 256, (16, 16, 1), dtype=np.uint8) for _ in range(2)]
    coloured = [picture.repeat(3, 2) for picture in grey]
    for name in ("rain-y", "gopro"):
        expected = get_protocol(name).score(*coloured)
        assert get_protocol(name).score(*grey) == pytest.approx(expected)


def test_dual_pixel_pictures_are_scored_in_16_bits_without_rounding():
    """As MIRNet-v2's authors score: floats against 65535ths, PSNR, SSIM and MAE."""
    rng = np.random.default_rng(2)
    target = rng.integers(0, 65536, (40, 56, 3), dtype=np.uint16)
    restored = (target / 65535 + rng.normal(0, 1e-5, target.shape)).clip(0, 1).astype(np.float32)
    score = get_protocol("dpdd").score(restored, target)
    clean = target.astype(np.float32) / np.float32(65535)
    error = restored.astype(np.float64) - clean
    assert score["psnr"] == pytest.approx(-10 * np.log10((error**2).mean()), abs=1e-6)
    assert score["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-6)
    assert score["psnr"] > 98  # rounded to 8 bits it would be at most 59


def test_super_resolution_leaves_out_one_pixel_less_at_the_top_and_left():
    target = np.full((40, 40, 3), 128, np.uint8)
    for place, counted in [((2, 20), False), ((3, 20), True), ((35, 20), True), ((36, 20), False)]:
        restored = target.copy()
        restored[place] = 0
        assert np.isfinite(get_protocol("realsr-x4").psnr(restored, target)) == counted
