"""Measurements that distinguish noise, motion blur, rain, low light and clean pictures.

NumPy and OpenCV compute most of them from a few crops. These are pooled over the crops, so the
number of crops and the size of the picture do not matter:

- noise: the mean absolute Haar coefficient of each small block, in luma and chroma at three
  scales, as percentiles over the blocks. The low ones come from flat blocks, which show little
  but noise. (Donoho & Johnstone, 1994, estimate noise by the median absolute coefficient.)
  A camera's noise is also in chroma, and demosaicing correlates it between neighbouring pixels.
  The grain of a texture is only in luma.
- blur: steepness of edges relative to their height, by direction; the fall-off and the
  directions of the power spectrum; the autocorrelation of the whitened picture, which has
  a negative peak (echo) at the displacement between the ends of a moving camera's path.
- rain: bright thin structures (top-hat) compared with dark ones, and the concentration of their
  directions.
- low light: percentiles of luma, from a reduced copy of the whole picture instead of the crops.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ..dependencies import require

_EPSILON = 1e-4
_SCALES = 3
_SECTORS = 12
_BANDS = (0.02, 0.05, 0.1, 0.16, 0.23, 0.32, 0.45)  # of the spectrum, in cycles per pixel


def measure(crops: Sequence[np.ndarray], overview: np.ndarray) -> dict[str, float]:
    """The measurements of one picture.

    Args:
        crops: [h, w, 3] float32 in [0, 1], RGB, all of the same size of at least 96 x 96 pixels.
        overview: the whole picture reduced, [h, w, 3] float32 in [0, 1].

    Returns:
        name → finite value, always with the same names in the same order.
    """
    planes = [_luma_and_chroma(crop) for crop in crops]
    pyramids = [_pyramid(plane) for plane in planes]
    features: dict[str, float] = {}
    features.update(_brightness(_luma_and_chroma(overview)[..., 0], crops))
    features.update(_noise(pyramids))
    features.update(_detail(pyramids))
    for scale in range(_SCALES):
        lumas = [pyramid[scale][..., 0] for pyramid in pyramids]
        features.update(_named(f"s{scale}_", _edges(lumas)))
    lumas = [plane[..., 0] for plane in planes]
    features.update(_spectrum(lumas))
    for scale in range(2):
        scaled = [pyramid[scale] for pyramid in pyramids]
        features.update(_named(f"s{scale}_", _streaks(scaled)))
    features["jpeg_grid"] = _jpeg_grid(lumas)
    return {name: float(np.nan_to_num(value)) for name, value in features.items()}


def _named(prefix: str, features: dict[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in features.items()}


def _log(value: float | np.ndarray) -> float:
    return float(np.log(np.maximum(value, 0) + _EPSILON))


def _luma_and_chroma(rgb: np.ndarray) -> np.ndarray:
    """Convert RGB to [h, w, 3]: luma in [0, 1], blue minus luma, red minus luma."""
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.stack([luma, rgb[..., 2] - luma, rgb[..., 0] - luma], axis=-1)


def _pyramid(plane: np.ndarray) -> list[np.ndarray]:
    """The plane and its reductions by 2 x 2 averages, each with half the sides."""
    levels = [plane]
    while len(levels) < _SCALES:
        a = levels[-1]
        a = a[: a.shape[0] // 2 * 2, : a.shape[1] // 2 * 2]
        levels.append((a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4)
    return levels


def _haar(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizontal, vertical and diagonal details of 2 x 2 pixels; noise keeps its variance."""
    p = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    a, b, c, d = p[::2, ::2], p[::2, 1::2], p[1::2, ::2], p[1::2, 1::2]
    return (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2


def _blocks(values: np.ndarray, side: int) -> np.ndarray:
    """Cut values [h, w, ...] into complete square blocks [n, side², ...]."""
    h, w = values.shape[0] // side, values.shape[1] // side
    rest = values.shape[2:]
    cut = values[: h * side, : w * side].reshape(h, side, w, side, *rest)
    return cut.swapaxes(1, 2).reshape(h * w, side * side, *rest)


def _brightness(luma: np.ndarray, crops: Sequence[np.ndarray]) -> dict[str, float]:
    levels = np.percentile(luma, [1, 10, 25, 50, 75, 90, 99])
    features = {f"luma_{n}": v for n, v in zip((1, 10, 25, 50, 75, 90, 99), levels)}
    features["luma_mean_log"] = float(np.log(luma.mean() + 0.01))
    spread = np.concatenate([(crop.max(axis=2) - crop.min(axis=2)).ravel() for crop in crops])
    features["colourfulness"] = float(spread.mean())
    return features


def _noise(pyramids: Sequence[list[np.ndarray]]) -> dict[str, float]:
    features = {}
    for scale in range(_SCALES):
        details, shapes, usable = [], [], []
        for pyramid in pyramids:
            plane = pyramid[scale]
            horizontal, vertical, diagonal = _haar(plane)
            side = 8 if scale < 2 else 4
            own = _blocks(np.abs(diagonal), side)
            other = _blocks(np.abs(horizontal[..., :1]) + np.abs(vertical[..., :1]), side) / 2
            details.append(np.concatenate([own.mean(axis=1), other.mean(axis=1)], axis=1))
            luma = own[..., 0]
            shapes.append(np.sqrt((luma**2).mean(axis=1)) / (luma.mean(axis=1) + _EPSILON))
            mean = _blocks(plane[::2, ::2, 0], side).mean(axis=1)[: len(own)]
            usable.append((mean > 0.02) & (mean < 0.95))  # clipping removes noise
        detail, shape, use = map(np.concatenate, (details, shapes, usable))
        if use.sum() >= 8:
            detail, shape = detail[use], shape[use]
        for index, name in enumerate(("luma", "blue", "red", "straight")):
            levels = np.percentile(detail[:, index], [10, 50] + [90] * (name == "luma"))
            for percent, level in zip((10, 50, 90), levels):
                features[f"noise{scale}_{name}_{percent}"] = _log(1.2533 * level)
        if detail[:, 1:3].max() < _EPSILON:  # a grey picture has its noise in luma only
            for name in ("blue_10", "blue_50", "red_10", "red_50"):
                features[f"noise{scale}_{name}"] = features[f"noise{scale}_luma_10"]
        flat = detail[:, 0] <= np.median(detail[:, 0])
        features[f"noise{scale}_shape"] = float(np.median(shape[flat]))
        spread = detail[:, 1] + detail[:, 2] + _EPSILON
        features[f"noise{scale}_evenness"] = float(
            np.log((np.percentile(spread, 25) + _EPSILON) / (np.percentile(spread, 75)))
        )
    return features


def _detail(pyramids: Sequence[list[np.ndarray]]) -> dict[str, float]:
    """Energy of finer details relative to coarser ones, in blocks with structure."""
    first, second, coarse = [], [], []
    for pyramid in pyramids:
        energies = []
        for scale in range(_SCALES):
            horizontal, vertical, _ = _haar(pyramid[scale][..., 0])
            side = 16 >> scale
            energies.append(_blocks(horizontal**2 + vertical**2, side).mean(axis=1))
        count = min(map(len, energies))
        fine, middle, large = (np.sqrt(e[:count]) + 1e-3 for e in energies)
        first.append(np.log(fine / middle))
        second.append(np.log(middle / large))
        coarse.append(large)
    ratios, others, size = map(np.concatenate, (first, second, coarse))
    strong = size >= np.percentile(size, 60)
    features = {"structure": _log(np.percentile(size, 80))}
    for name, values in (("fine", ratios[strong]), ("middle", others[strong])):
        for percent in (10, 50, 90):
            features[f"detail_{name}_{percent}"] = float(np.percentile(values, percent))
    return features


def _edges(lumas: Sequence[np.ndarray]) -> dict[str, float]:
    """Steepness of edges: the gradient relative to the height of the edge."""
    cv2 = require("cv2")
    slopes, angles = [], []
    kernel = np.ones([7, 7], np.uint8)
    for luma in lumas:
        smooth = cv2.GaussianBlur(luma, (0, 0), 0.7)
        gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
        gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
        height = cv2.dilate(smooth, kernel) - cv2.erode(smooth, kernel)
        strong = height > max(0.1, float(np.percentile(height, 75)))
        slopes.append((np.hypot(gx, gy) / (height + _EPSILON))[strong])
        angles.append(np.arctan2(gy, gx)[strong] % np.pi)
    slope, angle = np.concatenate(slopes), np.concatenate(angles)
    names = ("edge_50", "edge_90", "edge_98", "edge_steepest", "edge_flattest", "edge_directions")
    if len(slope) < 200:
        return {**dict.fromkeys(names, 0.0), "edge_share": 0.0}
    values = list(np.percentile(slope, [50, 90, 98]))
    sector = (angle / np.pi * 6).astype(int) % 6
    by_sector = [
        np.percentile(slope[sector == k], 90) for k in range(6) if (sector == k).sum() > 50
    ]
    steepest, flattest = max(by_sector, default=0.0), min(by_sector, default=0.0)
    values += [steepest, flattest, np.log((flattest + 0.02) / (steepest + 0.02))]
    share = len(slope) / sum(luma.size for luma in lumas)
    return {**dict(zip(names, map(float, values))), "edge_share": share}


@functools.lru_cache(maxsize=4)
def _frequencies(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radius and sector of each frequency of a square, and the radius of each lag in pixels."""
    fy, fx = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    radius = np.hypot(fx, fy)
    sector = (np.arctan2(fy, fx) % np.pi / np.pi * _SECTORS).astype(int) % _SECTORS
    return radius, sector, radius * side


def _spectrum(lumas: Sequence[np.ndarray]) -> dict[str, float]:
    side = min(min(luma.shape) for luma in lumas)
    radius, sector, lag = _frequencies(side)
    window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    power = np.zeros([side, side])
    for luma in lumas:
        square = luma[:side, :side]
        square = (square - square.mean()) * window
        own = np.abs(np.fft.fft2(square)) ** 2
        power += own / (own.sum() + _EPSILON)  # no crop outweighs the others
    power = power / len(lumas) + 1e-12
    features, levels = {}, []
    for number, (low, high) in enumerate(zip(_BANDS, _BANDS[1:])):
        inside = (radius >= low) & (radius < high)
        logs = np.log(power[inside])
        by_sector = np.array([logs[sector[inside] == k].mean() for k in range(_SECTORS)])
        levels.append(logs.mean())
        if number:
            features[f"spectrum_{number}"] = levels[-1] - levels[0]
            features[f"spectrum_{number}_spread"] = float(np.ptp(by_sector))
            # A single direction; buildings have both horizontals and verticals, which cancel.
            turned = np.roll(by_sector, _SECTORS // 2)
            features[f"spectrum_{number}_one_way"] = float(np.abs(by_sector - turned).max())
    # Whitened by the fall-off of natural pictures, without the highest frequencies (noise).
    white = power * radius**2 * np.exp(-((radius / 0.35) ** 4))
    echo = np.fft.ifft2(white).real
    echo = echo / (echo[0, 0] + 1e-12)
    for low, high in ((2, 5), (5, 12), (12, 32)):
        ring = (lag >= low) & (lag < high)
        features[f"echo_{low}_low"] = float(echo[ring].min())
        features[f"echo_{low}_high"] = float(echo[ring].max())
        features[f"echo_{low}_rms"] = _log(np.sqrt((echo[ring] ** 2).mean()))
    far = np.where((lag >= 2) & (lag < 32), echo, 1.0)
    features["echo_lag"] = float(lag.ravel()[far.argmin()])
    return features


def _streaks(planes: Sequence[np.ndarray]) -> dict[str, float]:
    """Bright thin structures, their directions, and how grey they are."""
    cv2 = require("cv2")
    features: dict[str, float] = {}
    lumas = [np.ascontiguousarray(plane[..., 0]) for plane in planes]
    for width in (5, 11):
        across = np.ones([1, width], np.uint8)
        upright = np.ones([width, 1], np.uint8)
        totals = np.zeros(4)
        for luma in lumas:
            totals[0] += cv2.morphologyEx(luma, cv2.MORPH_TOPHAT, across).mean()
            totals[1] += cv2.morphologyEx(luma, cv2.MORPH_BLACKHAT, across).mean()
            totals[2] += cv2.morphologyEx(luma, cv2.MORPH_TOPHAT, upright).mean()
            totals[3] += cv2.morphologyEx(luma, cv2.MORPH_BLACKHAT, upright).mean()
        bright, dark, bright_upright, dark_upright = totals / len(lumas) + 1e-3
        features[f"thin{width}"] = float(np.log(bright))
        features[f"thin{width}_bright"] = float(np.log(bright / dark))
        features[f"thin{width}_upright"] = float(np.log(bright / bright_upright))
        features[f"thin{width}_dark_upright"] = float(np.log(dark / dark_upright))

    bins = 18
    histogram = np.zeros(bins)
    dark_histogram = np.zeros(bins)
    local = []
    skewness, grey, coherence = [], [], []
    for plane, luma in zip(planes, lumas):
        base = cv2.blur(luma, (15, 15))
        residual = cv2.GaussianBlur(luma, (0, 0), 0.8) - base
        spread = residual.std() + _EPSILON
        skewness.append(float(((residual / spread).clip(-6, 6) ** 3).mean()))
        colour = plane[..., 1:] - np.stack(
            [cv2.blur(np.ascontiguousarray(plane[..., k]), (15, 15)) for k in (1, 2)], axis=-1
        )
        grey.append(_log(np.abs(colour).mean()) - _log(np.abs(residual).mean()))
        for sign, target in ((1, histogram), (-1, dark_histogram)):
            # Clipped, so that a few strong edges do not outweigh many streaks.
            part = (sign * residual).clip(0, 2 * spread)
            angle, weight, coherent = _orientation(part)
            target += np.bincount(
                (angle / np.pi * bins).astype(int).ravel() % bins, weight.ravel(), bins
            )
            if sign > 0:
                coherence.append(coherent)
                local.append((angle, weight))
    for name, values in (("", histogram), ("dark_", dark_histogram)):
        share = values / (values.sum() + 1e-12)
        smooth = share + np.roll(share, 1) + np.roll(share, -1)
        peak = int(smooth.argmax())
        features[f"{name}streak_peak"] = float(smooth.max())
        features[f"{name}streak_entropy"] = float(-(share * np.log(share + 1e-12)).sum())
        features[f"{name}streak_tilt"] = abs((peak + 0.5) / bins - 0.5) * 2  # 0 is upright
        if not name:
            direction = (peak + 0.5) / bins * np.pi
    shares = []
    for angle, weight in local:
        near = np.abs((angle - direction + np.pi / 2) % np.pi - np.pi / 2) < np.pi / 10
        total = _blocks(weight, 32).sum(axis=1) + 1e-12
        shares.append(_blocks(weight * near, 32).sum(axis=1) / total)
    share = np.concatenate(shares)
    for percent in (10, 50, 90):
        features[f"streak_everywhere_{percent}"] = float(np.percentile(share, percent))
    features["streak_coherence"] = float(np.mean(coherence))
    features["streak_skewness"] = float(np.mean(skewness))
    features["streak_colour"] = float(np.mean(grey))
    return features


def _orientation(part: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Direction along the structures in [0, π), its weight, and the mean coherence."""
    cv2 = require("cv2")
    gx = cv2.Sobel(part, cv2.CV_32F, 1, 0)
    gy = cv2.Sobel(part, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(t, (0, 0), 3) for t in (gx * gx, gy * gy, gx * gy))
    difference = np.hypot(xx - yy, 2 * xy)
    angle = (0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2) % np.pi
    weight = np.sqrt(difference)
    return angle, weight, float(difference.sum() / ((xx + yy).sum() + 1e-12))


def _jpeg_grid(lumas: Sequence[np.ndarray]) -> float:
    """Steps between the 8 x 8 blocks of JPEG relative to steps inside them (log ratio)."""
    on = off = 0.0
    for luma in lumas:
        for step in (np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0)).T):
            means = step.mean(axis=0)
            grid = np.arange(len(means)) % 8 == 7
            on += means[grid].mean()
            off += means[~grid].mean()
    return float(np.log((on + 1e-3) / (off + 1e-3)))
