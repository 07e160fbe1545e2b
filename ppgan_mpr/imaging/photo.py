"""A photograph in memory: pixels, alpha and the metadata of its file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import ImageError
from .samples import to_dtype, to_float

_DTYPES = ("uint8", "uint16", "float32", "float64")


@dataclass(frozen=True)
class Metadata:
    """The metadata of a picture file, carried from the source to the result.

    Attributes:
        exif: the EXIF block, a TIFF structure without the ``Exif\\0\\0`` prefix.
        icc_profile: the ICC colour profile, byte for byte.
        dpi: horizontal and vertical resolution in dots per inch.
        xmp: the XMP packet (XML as bytes).
        comment: the comments of a JPEG, GIF, JPEG 2000, netpbm or TGA file, as lines.
        png_chunks: ``(type, data)`` of the PNG chunks about colour (gAMA, cHRM, sRGB, cICP, ...),
            pixel shape and text; they are copied to a written PNG.
        iptc: the IPTC record: captions, keywords, copyright (IPTC-IIM, as bytes).
        cicp: code points of colour primaries and transfer function (ITU-T H.273), where the file
            names them and they are not those of sRGB: (12, 13) is Display P3, (9, 16) is PQ.
        resources: Photoshop's image resources that no other field holds, in the form that JPEG and
            TIFF files store.
        dropped: descriptions of file contents that no result keeps, such as ``'the gain map'``.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    iptc: bytes | None = None
    cicp: tuple[int, int] | None = None
    dropped: tuple[str, ...] = ()
    resources: bytes | None = None


def plausible_dpi(x: float, y: float) -> tuple[float, float] | None:
    """The resolution in dots per inch, or None for numbers that no format could hold."""
    return (float(x), float(y)) if 0 < x < 65536 and 0 < y < 65536 else None


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photograph.

    Attributes:
        pixels: ``[H, W, C]``, C-contiguous, C = 1 (grey) or 3 (RGB); uint8, uint16, or
            float32/float64 in [0, 1] when made from such an array.
        alpha: opacity ``[H, W]`` of the same dtype, or None.
        metadata: EXIF, colour profile and so on.
        format: Pillow's name of the source format (``'PNG'``, ``'JPEG'``, ...), ``'RAW'``, or None.
        lossless: whether the source held its pixels without lossy compression.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str | None = None
    lossless: bool = True

    @property
    def is_grey(self) -> bool:
        """Whether the picture has one channel."""
        return self.pixels.shape[2] == 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, in Pillow's order."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def to_float(self) -> np.ndarray:
        """The picture as a network's input: float32 ``[H, W, 3]`` in [0, 1], grey replicated."""
        unit = to_float(self.pixels)
        return np.repeat(unit, 3, axis=2) if self.is_grey else unit

    def with_restored(self, rgb: np.ndarray) -> Photo:
        """The same photo with its colours replaced by a network's output.

        Args:
            rgb: float ``[H, W, 3]``; values outside [0, 1] are clipped. A grey photo takes the
                mean of the three channels.

        Returns:
            A photo of the same depth (by rounding to the nearest code) and channels, with this
            one's alpha and metadata.

        Raises:
            ImageError: the shape differs from the photo's, or a value is not a number.
        """
        height, width = self.pixels.shape[:2]
        if rgb.shape != (height, width, 3):
            raise ImageError(
                f"the restored picture has shape {tuple(rgb.shape)} where "
                f"{(height, width, 3)} was expected"
            )
        if np.isnan(rgb.min()):  # the minimum propagates NaN without a mask of the whole picture
            raise ImageError("the network's output holds NaN: check the weights or use float32")
        if self.is_grey:
            rgb = rgb.mean(axis=2, keepdims=True)
        return replace(self, pixels=np.ascontiguousarray(to_dtype(rgb, self.pixels.dtype)))

    def to_array(self) -> np.ndarray:
        """Pixels and alpha in one array: ``[H, W]``, or ``[H, W, C]`` with C = 2, 3 or 4."""
        if self.alpha is not None:
            return np.dstack([self.pixels, self.alpha])
        return self.pixels[..., 0] if self.is_grey else self.pixels

    def with_depth(self, bits: int) -> Photo:
        """The photo with 8- or 16-bit samples, rounded to the nearest code."""

        def convert(samples: np.ndarray) -> np.ndarray:
            if samples.dtype == np.float32:  # scaled in float32, they would be rounded twice
                samples = samples.astype(np.float64)
            return to_dtype(samples, f"uint{bits}")

        alpha = None if self.alpha is None else convert(self.alpha)
        return replace(self, pixels=convert(self.pixels), alpha=alpha)


def from_array(array: np.ndarray) -> Photo:
    """Make a photo from an array.

    Args:
        array: ``[H, W]`` or ``[H, W, 1]`` (grey), ``[H, W, 2]`` (grey, alpha), ``[H, W, 3]`` (RGB,
            not OpenCV's BGR) or ``[H, W, 4]`` (RGBA); uint8, uint16, or float32/float64 in [0, 1].
            The dtype is kept: a photo restored from float64 is float64.

    Raises:
        ImageError: another shape or dtype, an empty array, or floats outside [0, 1].
    """
    array = np.asarray(array)
    if array.dtype.name not in _DTYPES:
        raise ImageError(
            f"an array of {array.dtype.name} is not a photograph: "
            "give uint8, uint16, or float32/float64 in [0, 1]"
        )
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or array.size == 0:
        raise ImageError(
            f"an array of shape {array.shape} is not a photograph: "
            "give [H, W] or [H, W, C] with C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA)"
        )
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # NaN fails as well
            raise ImageError(
                f"a {array.dtype.name} array must lie in [0, 1], and this one spans "
                f"[{low:g}, {high:g}]: divide by 255, or give uint8"
            )
    array = array.astype(array.dtype.newbyteorder("="))  # a copy: the caller may change its array
    colours = 1 if array.shape[2] < 3 else 3
    alpha = None
    if array.shape[2] > colours:
        alpha = np.ascontiguousarray(array[..., colours])
    return Photo(np.ascontiguousarray(array[..., :colours]), alpha)
