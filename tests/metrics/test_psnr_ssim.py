import numpy as np
import pytest

from ppgan_mpr.errors import ImageError
from ppgan_mpr.metrics import mean_psnr, psnr, ssim


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 256, (70, 45, 3), dtype=np.uint8)
    noisy = np.clip(clean + rng.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    return noisy, clean


def test_psnr_of_a_constant_difference():
    a = np.full((300, 20, 3), 100, np.uint8)
    assert psnr(a, a + 10, 255) == pytest.approx(20 * np.log10(25.5))
    assert psnr(a + 10, a, 255) == psnr(a, a + 10, 255)  # unsigned numbers must not wrap
    assert psnr(a, a, 255) == np.inf


def test_per_channel_ssim_equals_scikit_image(pictures):
    metrics = pytest.importorskip("skimage.metrics")
    expected, full = metrics.structural_similarity(
        *pictures,
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim(*pictures, 255) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)
    assert ssim(*pictures, 255) == pytest.approx(expected, abs=1e-9)


def test_volume_ssim_equals_a_direct_three_dimensional_convolution(pictures):
    def blur(volume):
        taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
        window = np.einsum("i,j,k->ijk", taps, taps, taps) / taps.sum() ** 3
        padded = np.pad(volume, 5, mode="edge")
        return np.einsum(
            "hwcijk,ijk->hwc",
            np.lib.stride_tricks.sliding_window_view(padded, (11, 11, 11)),
            window,
        )

    x, y = (picture[:40].astype(float) for picture in pictures)
    mx, my = blur(x), blur(y)
    c1, c2 = 2.55**2, 7.65**2
    similarity = (2 * mx * my + c1) * (2 * (blur(x * y) - mx * my) + c2)
    similarity /= (mx**2 + my**2 + c1) * (blur(x * x) - mx**2 + blur(y * y) - my**2 + c2)
    assert ssim(x, y, 255, "volume") == pytest.approx(similarity.mean(), abs=1e-9)


@pytest.mark.parametrize("form", ["channels", "volume", "uniform"])
def test_ssim_does_not_depend_on_the_range_and_is_one_for_identical_pictures(pictures, form):
    a, b = pictures
    assert ssim(a, a, 255, form) == pytest.approx(1)
    assert ssim(a / 255, b / 255, 1, form) == pytest.approx(ssim(a, b, 255, form))


def test_grey_pictures_score_like_three_equal_channels(pictures):
    a, b = (picture[..., 0] for picture in pictures)
    tripled = [np.stack([picture] * 3, axis=2) for picture in (a, b)]
    assert psnr(a, b, 255) == pytest.approx(psnr(*tripled, 255))
    assert ssim(a, b, 255, "volume") == pytest.approx(ssim(*tripled, 255, "volume"))


def test_too_small_or_unequal_pictures_are_refused(pictures):
    a, b = pictures
    with pytest.raises(ImageError, match="70"):
        psnr(a, b[1:], 255)
    with pytest.raises(ImageError, match="11"):
        ssim(a[:10], b[:10], 255)
    assert ssim(a[:3], b[:3], 255, "volume") < 1  # a replicated border needs no minimum


def test_identical_pictures_are_left_out_of_the_mean_unless_all_are_identical():
    assert mean_psnr([30, np.inf, 40]) == 35
    assert mean_psnr([np.inf]) == np.inf
    assert np.isnan(mean_psnr([]))
    assert np.isnan(mean_psnr([30, np.nan]))
