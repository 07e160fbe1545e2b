"""Classical restoration methods from OpenCV and scikit-image, to compare the networks with.

Each method has one parameter. For denoisers, it is a factor on the noise that scikit-image's
``estimate_sigma`` estimates. Other methods have a parameter of their own. The benchmark tries all
listed values and reports the best for each folder of pictures. This favours the classical methods:
it chooses by the targets, which do not exist for a real photo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Picture = np.ndarray  # [H, W, 3] uint8


@dataclass(frozen=True)
class Method:
    """A classical method.

    Attributes:
        name: name of the method and its library.
        parameter: name and unit of the parameter, with ``{:g}`` for its value.
        values: values of the parameter to try.
        run: (picture, value) → restored picture.
    """

    name: str
    parameter: str
    values: tuple[float, ...]
    run: Callable[[Picture, float], Picture]


def noise(picture: Picture) -> float:
    """Standard deviation of the noise in [0, 1], as scikit-image estimates it."""
    from skimage.restoration import estimate_sigma

    return float(estimate_sigma(_unit(picture), channel_axis=-1, average_sigmas=True))


def non_local_means(picture: Picture, factor: float) -> Picture:
    """OpenCV's non-local means for colour pictures, with its default windows."""
    import cv2

    strength = max(1.0, factor * 255 * noise(picture))
    return cv2.fastNlMeansDenoisingColored(picture, None, strength, strength, 7, 21)


def wavelet(picture: Picture, factor: float) -> Picture:
    """scikit-image's wavelet denoising: BayesShrink in YCbCr, as its documentation advises."""
    from skimage.restoration import denoise_wavelet

    sigma = max(1e-4, factor * noise(picture))
    restored = denoise_wavelet(
        _unit(picture), sigma=sigma, channel_axis=-1, convert2ycbcr=True, rescale_sigma=True
    )
    return _codes(restored)


def wiener(picture: Picture, radius: float) -> Picture:
    """scikit-image's Wiener deconvolution, which assumes a Gaussian blur of this radius."""
    from skimage.restoration import wiener as deconvolve

    reach = np.arange(-8, 9)
    line = np.exp(-(reach**2) / (2 * radius**2))
    blur = np.outer(line, line) / line.sum() ** 2
    padded = np.pad(_unit(picture), ((16, 16), (16, 16), (0, 0)), mode="reflect")
    channels = [deconvolve(padded[..., c], blur, balance=0.1) for c in range(3)]
    return _codes(np.stack(channels, axis=-1)[16:-16, 16:-16])


def unsharp_masking(picture: Picture, amount: float) -> Picture:
    """scikit-image's unsharp masking with a radius of 2 pixels."""
    from skimage.filters import unsharp_mask

    # Not channel_axis=-1, which makes scikit-image 0.26 return a nearly black picture.
    return _codes(unsharp_mask(_unit(picture), radius=2, amount=amount, channel_axis=2))


def bm3d(picture: Picture, factor: float) -> Picture:
    """BM3D by its authors' package, which is licensed for non-commercial use only."""
    import bm3d as package

    return _codes(package.bm3d_rgb(_unit(picture), max(1e-4, factor * noise(picture))))


_FACTORS = (0.5, 1.0, 2.0, 4.0, 6.0, 8.0)
_OF_NOISE = "strength {:g} × estimated noise"
_DENOISERS = (
    Method("OpenCV non-local means", _OF_NOISE, _FACTORS, non_local_means),
    Method("scikit-image wavelet", _OF_NOISE, _FACTORS, wavelet),
)
#: Task → its classical methods.
METHODS: dict[str, tuple[Method, ...]] = {
    "Denoising": _DENOISERS,
    "Deraining": _DENOISERS,  # these libraries have no method for rain
    "Deblurring": (
        Method("scikit-image Wiener", "radius {:g} pixels", (0.25, 0.5, 0.75, 1.0), wiener),
        Method(
            "scikit-image unsharp masking", "amount {:g}", (0.1, 0.25, 0.5, 1.0), unsharp_masking
        ),
    ),
}
BM3D = Method("BM3D (non-commercial)", _OF_NOISE, _FACTORS, bm3d)


def _unit(picture: Picture) -> np.ndarray:
    return picture.astype(np.float64) / 255


def _codes(picture: np.ndarray) -> Picture:
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
