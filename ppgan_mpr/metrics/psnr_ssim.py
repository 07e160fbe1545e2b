"""PSNR and SSIM of two pictures, in numpy.

Pictures are arrays [H, W] or [H, W, C] of any numeric type; ``data_range`` is the width of their
value range (255 for uint8, 1 for floats in [0, 1]). All sums are in float64. Pictures are
processed in parts, which take little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from ..checks import check_choice
from ..errors import ImageError

_RADIUS, _SIGMA = 5, 1.5  # the 11×11 Gaussian window of the SSIM paper
_UNIFORM_RADIUS = 3  # the 7×7 window of scikit-image's default SSIM
_TILE = 32  # pixels a side; small enough for the processor's cache
_STRIP = 256  # rows of a picture that PSNR converts to float64 at a time


def psnr(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB, over all pixels and channels.

    ``10 log₁₀(data_range² / mean((a − b)²))``

    Args:
        a, b: [H, W] or [H, W, C], of the same shape.
        data_range: largest minus smallest possible value.

    Returns:
        The ratio in dB; ``inf`` when the pictures are identical.

    Raises:
        ImageError: the shapes differ or there is no pixel.
    """
    a, b = _same_shape(a, b)
    squares = 0.0
    for top in range(0, len(a), _STRIP):
        difference = a[top : top + _STRIP].astype(np.float64) - b[top : top + _STRIP]
        squares += np.vdot(difference, difference)
    if squares == 0:
        return float("inf")
    return float(10 * np.log10(data_range**2 / (squares / a.size)))


def mean_psnr(values: Iterable[float]) -> float:
    """The mean PSNR of several pictures, without those that equal their target.

    Such a picture has an infinite PSNR, which would make the mean of a whole data set infinite.
    The mean is ``inf`` only if all pictures equal their targets, and ``nan`` without any value.
    """
    values = list(values)
    different = [value for value in values if not np.isposinf(value)]
    if different:
        return float(np.mean(different))
    return float("inf") if values else float("nan")


def mae(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    """Mean absolute error over all pixels and channels, as a fraction of ``data_range``.

    Args:
        a, b: [H, W] or [H, W, C], of the same shape.
        data_range: largest minus smallest possible value.

    Raises:
        ImageError: the shapes differ or there is no pixel.
    """
    a, b = _same_shape(a, b)
    total = 0.0
    for top in range(0, len(a), _STRIP):
        strip = a[top : top + _STRIP].astype(np.float64)
        total += float(np.abs(strip - b[top : top + _STRIP]).sum())
    return total / a.size / data_range


#: Forms of the SSIM, see :func:`ssim`.
SSIM_FORMS = ("channels", "volume", "uniform")


def ssim_margin(form: str) -> int:
    """Width in pixels of the border in which no window of this form of SSIM is centred."""
    return {"channels": _RADIUS, "volume": 0, "uniform": _UNIFORM_RADIUS}[form]


def ssim(a: np.ndarray, b: np.ndarray, data_range: float, form: str = "channels") -> float:
    """Structural similarity.

    ``mean of (2 μₐμ_b + c₁)(2 σ_ab + c₂) / ((μₐ² + μ_b² + c₁)(σₐ² + σ_b² + c₂))`` with
    ``c₁ = (0.01 data_range)²`` and ``c₂ = (0.03 data_range)²`` (Wang, Bovik, Sheikh and
    Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 2004). Three forms are in use; their values differ in the second decimal:

    - the paper's (``'channels'``): each channel separately, with a Gaussian window of 11×11 and
      σ 1.5, at the pixels whose window is inside the picture, averaged over the channels;
    - MATLAB's ``ssim`` of an RGB picture (``'volume'``): of a volume H × W × C, with a Gaussian
      window of 11×11×11 and a border replicated in all three directions, so that channels mix.
      NAFNet's evaluation does the same;
    - scikit-image's default (``'uniform'``): each channel separately, with a uniform window of
      7×7 and unbiased variances and covariance, at the pixels whose window is inside the picture.

    Args:
        a, b: [H, W] or [H, W, C], of the same shape.
        data_range: largest minus smallest possible value.
        form: one of :data:`SSIM_FORMS`.

    Returns:
        A value in [-1, 1]; 1 for identical pictures.

    Raises:
        UsageError: there is no such form.
        ImageError: the shapes differ, or a side is too short for the window.
    """
    check_choice("form", form, SSIM_FORMS)
    a, b = _same_shape(a, b)
    height, width, channels = a.shape
    # With a replicated border, every pixel is the centre of a window. Otherwise the outermost
    # pixels are not, as their window would leave the picture.
    inset = ssim_margin(form)
    if min(height, width) <= 2 * inset:
        raise ImageError(
            f"SSIM needs at least {2 * inset + 1} pixels on each side, "
            f"and this picture is {width}x{height}"
        )
    taps = _UNIFORM if form == "uniform" else _GAUSSIAN
    radius, unbiased = len(taps) // 2, 1.0
    if form == "uniform":
        unbiased = len(taps) ** 2 / (len(taps) ** 2 - 1)
    rows, columns = _windows(height, inset, radius), list(_windows(width, inset, radius))
    across = _replicated_window(channels) if form == "volume" else None
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    total = 0.0
    for row in rows:
        strip_a, strip_b = a[row], b[row]
        for column in columns:
            x = strip_a[:, column].transpose(2, 0, 1).astype(np.float64)  # [C, h + 2r, w + 2r]
            y = strip_b[:, column].transpose(2, 0, 1).astype(np.float64)
            moments = _blur(np.stack([x, y, x * x + y * y, x * y]), taps)  # [4, C, h, w]
            if across is not None:
                moments = np.einsum("dc,mchw->mdhw", across, moments)
            mean_x, mean_y, square, product = moments
            mean_product, mean_square = mean_x * mean_y, mean_x**2 + mean_y**2
            covariance, variances = product - mean_product, square - mean_square
            similarity = (2 * mean_product + c1) * (2 * unbiased * covariance + c2)
            similarity /= (mean_square + c1) * (unbiased * variances + c2)
            total += similarity.sum()
    return float(total / ((height - 2 * inset) * (width - 2 * inset) * channels))


def _same_shape(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if a.shape != b.shape:
        raise ImageError(f"pictures of shapes {a.shape} and {b.shape} cannot be compared")
    if a.ndim not in (2, 3) or a.size == 0:
        raise ImageError(f"a picture must be [H, W] or [H, W, C], not of shape {a.shape}")
    return (a[..., None], b[..., None]) if a.ndim == 2 else (a, b)


def _gaussian() -> np.ndarray:
    taps = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1) ** 2) / (2 * _SIGMA**2))
    return taps / taps.sum()


_GAUSSIAN = _gaussian()
_UNIFORM = np.full(2 * _UNIFORM_RADIUS + 1, 1 / (2 * _UNIFORM_RADIUS + 1))


@lru_cache(maxsize=8)
def _band(length: int, uniform: bool) -> np.ndarray:
    """The matrix [length, length + 2 radius] that applies a filter along one axis."""
    taps = _UNIFORM if uniform else _GAUSSIAN
    matrix = np.zeros((length, length + len(taps) - 1))
    for row in range(length):
        matrix[row, row : row + len(taps)] = taps
    return matrix


def _blur(maps: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Filter [..., h + 2r, w + 2r] to [..., h, w]; matrix products are faster than convolution."""
    band, margin = _band(_TILE, taps is _UNIFORM), len(taps) - 1
    height, width = (side - margin for side in maps.shape[-2:])
    vertical = band[:height, : height + margin]
    horizontal = band[:width, : width + margin]
    return vertical @ maps @ horizontal.T


def _windows(length: int, inset: int, radius: int) -> Iterator[np.ndarray]:
    """The indices along one side that each tile needs: its pixels and ``radius`` on either side."""
    for start in range(inset, length - inset, _TILE):
        stop = min(start + _TILE, length - inset)
        yield np.clip(np.arange(start - radius, stop + radius), 0, length - 1)


def _replicated_window(length: int) -> np.ndarray:
    """The Gaussian filter with replicated border along a short axis, a matrix [length, length]."""
    replicate = np.clip(np.arange(-_RADIUS, length + _RADIUS), 0, length - 1)
    return _band(length, False) @ np.eye(length)[replicate]
