"""Conversion between the frames of codecs and RGB pixels that are turned for display."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dependencies import require
from ..errors import ImageError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# The number for unspecified in ITU-T H.273; FFmpeg's numbers for limited and full range.
_UNSPECIFIED, _LIMITED, _FULL = 2, 1, 2
# Matrix of H.273 -> matrix of FFmpeg's scaler.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_BT709, _BT601 = 1, 5
#: Matrix of FFmpeg's scaler -> matrix of H.273.
MATRIX_OF_CONVERSION = {1: 1, 4: 4, 5: 6, 7: 7, 9: 9}
_STRAIGHT = 0.999  # from this cosine on, an angle counts as a multiple of 90 degrees
_HD = 720  # from this height on, a video that states no matrix is taken as BT.709


@dataclass(frozen=True)
class Colour:
    """How samples represent colours.

    Attributes:
        matrix, primaries, transfer: as the video states them, in the numbers of ITU-T H.273; 2 if
            unspecified.
        range: FFmpeg's number: 1 limited (black is 16 of 255), 2 full, 0 unspecified.
        conversion: FFmpeg's number of the matrix that converts to RGB.
        full: whether the conversion uses the full range.
    """

    matrix: int
    range: int
    primaries: int
    transfer: int
    conversion: int
    full: bool

    @classmethod
    def of(cls, frame: VideoFrame) -> Colour:
        """Read the colour settings of a frame.

        Raises:
            ImageError: its colours cannot be converted to RGB.
        """
        matrix = frame.colorspace
        if frame.format.is_rgb or matrix == _UNSPECIFIED:
            conversion = _BT709 if frame.height >= _HD else _BT601
        elif matrix in _MATRICES:
            conversion = _MATRICES[matrix]
        else:
            raise ImageError(f"its colour matrix, number {matrix} of H.273, is not supported")
        full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
        return cls(
            matrix,
            _FULL if full else frame.color_range,
            frame.color_primaries,
            frame.color_trc,
            conversion,
            full or frame.format.is_rgb,
        )


@dataclass(frozen=True)
class Orientation:
    """How stored frames are turned for display: first transposed, then mirrored and flipped.

    Attributes:
        transposed: rows become columns.
        mirrored: left and right are exchanged.
        flipped: top and bottom are exchanged.
        askew: the video states an angle that is not a multiple of 90 degrees; it is ignored.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False
    askew: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """Read the display matrix of a frame."""
        matrix = side_data(frame).get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        # Fixed-point numbers with 16.16 bits: x' = a x + c y, y' = b x + d y.
        a, b, _, c, d = (number / 65536 for number in struct.unpack("=5i", matrix[:20]))
        if min(abs(a), abs(d)) > _STRAIGHT:
            return cls(False, a < 0, d < 0)
        if min(abs(b), abs(c)) > _STRAIGHT:
            return cls(True, c < 0, b < 0)
        return cls(askew=True)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Turn pixels [H, W, C]."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.mirrored:
            pixels = pixels[:, ::-1]
        if self.flipped:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


def side_data(frame: VideoFrame) -> dict[str, bytes]:
    """Side data of a frame by FFmpeg's names, such as ``DISPLAYMATRIX``."""
    try:
        data: Any = frame.side_data
        return {one.type.name: bytes(one) for one in data}
    except ValueError:  # PyAV does not know the kind of data
        return {}


class PixelReader:
    """Converts frames to RGB.

    Args:
        colour: colour settings of the frames.
        depth: bits per sample; more than 8 become 16.
        orientation: how frames are turned.
    """

    def __init__(self, colour: Colour, depth: int, orientation: Orientation):
        self._scaler = _Scaler(colour)
        self._format = "rgb24" if depth <= 8 else "rgb48le"
        self._orientation = orientation

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """Convert a frame to pixels [H, W, 3], uint8 or uint16."""
        return self._orientation.apply(self._scaler.to_rgb(frame, self._format).to_ndarray())


class PixelWriter:
    """Converts RGB to frames for an encoder.

    Args:
        colour: colour settings of the frames.
        pixel_format: FFmpeg's name of their pixel format.
    """

    def __init__(self, colour: Colour, pixel_format: str):
        self._av = require("av")
        self._scaler = _Scaler(colour)
        self._format = pixel_format
        self._colour = colour

    def __call__(self, pixels: np.ndarray) -> VideoFrame:
        """Convert pixels [H, W, 3], uint8 or uint16, to a frame."""
        kind = "rgb24" if pixels.dtype == np.uint8 else "rgb48le"
        rgb = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=kind)
        frame = self._scaler.from_rgb(rgb, self._format)
        frame.colorspace = self._colour.matrix
        frame.color_range = self._colour.range
        frame.color_primaries = self._colour.primaries
        frame.color_trc = self._colour.transfer
        return frame


class _Scaler:
    """FFmpeg's conversion of pixel formats, with its most exact settings."""

    def __init__(self, colour: Colour):
        module = require("av").video.reformatter
        ways = module.Interpolation
        # The default settings round colours by several levels.
        exact = ways.ACCURATE_RND | ways.FULL_CHR_H_INT | ways.FULL_CHR_H_INP | ways.BITEXACT
        self._how = {
            "src_colorspace": colour.conversion,
            "dst_colorspace": colour.conversion,
            "interpolation": ways.BICUBIC | exact,
            "threads": 1,
        }
        self._range = _FULL if colour.full else _LIMITED
        self._scaler = module.VideoReformatter()

    def to_rgb(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        return self._scaler.reformat(
            frame,
            format=pixel_format,
            src_color_range=self._range,
            dst_color_range=_FULL,
            **self._how,
        )

    def from_rgb(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        return self._scaler.reformat(
            frame,
            format=pixel_format,
            src_color_range=_FULL,
            dst_color_range=self._range,
            **self._how,
        )
