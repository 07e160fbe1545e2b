"""PSNR and SSIM of two pictures, in numpy.

Pictures are arrays [H, W] or [H, W, C] of any numeric type; ``data_range`` is the width of their
value range (255 for uint8, 1 for floats in [0, 1]). All sums are in float64. Pictures are
processed in small tiles, so the memory needed does not grow with their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import ImageError

_RADIUS, _SIGMA = 5, 1.5  # the 11×11 Gaussian window of the SSIM paper
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


def ssim(a: np.ndarray, b: np.ndarray, data_range: float, volume: bool = False) -> float:
    """Structural similarity, with an 11-tap Gaussian window of σ 1.5.

    ``mean of (2 μₐμ_b + c₁)(2 σ_ab + c₂) / ((μₐ² + μ_b² + c₁)(σₐ² + σ_b² + c₂))`` with
    ``c₁ = (0.01 data_range)²`` and ``c₂ = (0.03 data_range)²`` (Wang, Bovik, Sheikh and
    Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 2004). Two versions are in use, which differ in the second digit:

    - the paper's (``volume=False``): each channel separately, at the pixels whose window is
      inside the picture, averaged over the channels;
    - MATLAB's ``ssim`` of an RGB picture (``volume=True``): of a volume H × W × C, with a window
      of 11×11×11 and a border replicated in all three directions, so that channels mix. NAFNet's
      evaluation does the same.

    Args:
        a, b: [H, W] or [H, W, C], of the same shape.
        data_range: largest minus smallest possible value.
        volume: which of the two versions.

    Returns:
        A value in [-1, 1]; 1 for identical pictures.

    Raises:
        ImageError: the shapes differ, or (``volume=False``) a side is shorter than 11.
    """
    a, b = _same_shape(a, b)
    height, width, channels = a.shape
    # With a replicated border, every pixel is the centre of a window; without one, all but the
    # outermost five are.
    inset = 0 if volume else _RADIUS
    if min(height, width) <= 2 * inset:
        raise ImageError(
            f"SSIM needs at least {2 * _RADIUS + 1} pixels on each side, "
            f"and this picture is {width}x{height}"
        )
    rows, columns = _windows(height, inset), list(_windows(width, inset))
    across = _replicated_window(channels) if volume else None
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    total = 0.0
    for row in rows:
        strip_a, strip_b = a[row], b[row]
        for column in columns:
            x = strip_a[:, column].transpose(2, 0, 1).astype(np.float64)  # [C, h + 10, w + 10]
            y = strip_b[:, column].transpose(2, 0, 1).astype(np.float64)
            moments = _blur(np.stack([x, y, x * x + y * y, x * y]))  # [4, C, h, w]
            if across is not None:
                moments = np.einsum("dc,mchw->mdhw", across, moments)
            mean_x, mean_y, square, product = moments
            mean_product, mean_square = mean_x * mean_y, mean_x**2 + mean_y**2
            similarity = (2 * mean_product + c1) * (2 * (product - mean_product) + c2)
            similarity /= (mean_square + c1) * (square - mean_square + c2)
            total += similarity.sum()
    return float(total / ((height - 2 * inset) * (width - 2 * inset) * channels))


def _same_shape(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if a.shape != b.shape:
        raise ImageError(f"pictures of shapes {a.shape} and {b.shape} cannot be compared")
    if a.ndim not in (2, 3) or a.size == 0:
        raise ImageError(f"a picture is an array [H, W] or [H, W, C], not one of shape {a.shape}")
    return (a[..., None], b[..., None]) if a.ndim == 2 else (a, b)


def _gaussian() -> np.ndarray:
    taps = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1) ** 2) / (2 * _SIGMA**2))
    return taps / taps.sum()


def _band(length: int) -> np.ndarray:
    """The Gaussian filter as a matrix [length, length + 10]."""
    matrix = np.zeros((length, length + 2 * _RADIUS))
    for row in range(length):
        matrix[row, row : row + 2 * _RADIUS + 1] = _gaussian()
    return matrix


_BAND = _band(_TILE)


def _blur(maps: np.ndarray) -> np.ndarray:
    """Filter [..., h + 10, w + 10] to [..., h, w]; matrix products are faster than convolution."""
    height, width = (side - 2 * _RADIUS for side in maps.shape[-2:])
    vertical = _BAND[:height, : height + 2 * _RADIUS]
    horizontal = _BAND[:width, : width + 2 * _RADIUS]
    return vertical @ maps @ horizontal.T


def _windows(length: int, inset: int) -> Iterator[np.ndarray]:
    """The indices along one side that each tile needs: its pixels and five on either side."""
    for start in range(inset, length - inset, _TILE):
        stop = min(start + _TILE, length - inset)
        yield np.clip(np.arange(start - _RADIUS, stop + _RADIUS), 0, length - 1)


def _replicated_window(length: int) -> np.ndarray:
    """The Gaussian filter with replicated border along a short axis, a matrix [length, length]."""
    replicate = np.clip(np.arange(-_RADIUS, length + _RADIUS), 0, length - 1)
    return _band(length) @ np.eye(length)[replicate]
