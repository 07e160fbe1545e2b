"""Limits of memory and time for reading a picture file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..errors import ImageError
from ..free_memory import available

#: Bytes of layers and metadata that a file may hold in addition to its pixels.
BESIDE_PIXELS = 1 << 28
MAX_PIXELS = 1 << 30  # OpenCV's limit too; seven times the largest medium-format photograph


class LimitError(ImageError):
    """Reading a picture would exceed a limit of memory or time; the file may be intact."""


class SizeCheck(Protocol):
    """A function that refuses large pictures before decoding; see :meth:`Limits.check_size`."""

    def __call__(
        self, width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> None: ...


# Channels -> copies of the pixels held at once; 2 by default: the decoder's and the photo's.
# Separating alpha from colours takes a third copy.
_COPIES_HELD = {4: 3}
_SECONDS = 60.0
_BYTES_PER_SECOND = 1 << 19  # a tenth of the speed of the slowest decoder, JPEG 2000


def check_pixels(width: int, height: int) -> None:
    """Refuse a picture with more pixels than the decoders support.

    Raises:
        LimitError: it has more than :data:`MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise LimitError(f"{width} x {height} pixels are more than the supported {MAX_PIXELS}")


@dataclass(frozen=True)
class Limits:
    """Limits of memory and time for reading one picture file.

    Attributes:
        nbytes: maximum size in bytes of the decoded pixels; the file itself may be 256 MB larger.
        seconds: maximum time to read a file in a separate process; None allows one minute plus
            two seconds for each megabyte of decoded pixels.
    """

    nbytes: int = 4 << 30
    seconds: float | None = None

    def check_size(
        self, width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> None:
        """Refuse a picture that is too large, before it is decoded.

        Args:
            width, height: in pixels.
            channels: samples per pixel.
            itemsize: bytes per sample.
            coefficients: further bytes that the decoder holds until the last pixel, as for a
                progressive JPEG.

        Raises:
            LimitError: its pixels exceed the limit or the memory that is free.
        """
        needed = self.memory_for(width, height, channels, itemsize, coefficients)
        free = available()
        if needed > free:
            raise LimitError(
                f"decoding its {width} x {height} pixels takes {in_words(needed)}, "
                f"but only {in_words(free)} of memory are free"
            )

    def memory_for(
        self, width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> int:
        """Bytes of memory that decoding a picture takes; free memory is not checked.

        Args:
            width, height, channels, itemsize, coefficients: see :meth:`check_size`.

        Raises:
            LimitError: its pixels exceed the limit.
        """
        size = f"{width} x {height} pixels"
        check_pixels(width, height)
        nbytes = width * height * channels * itemsize
        if nbytes > self.nbytes:
            raise LimitError(
                f"its {size} would take {in_words(nbytes)}, more than the limit of "
                f"{in_words(self.nbytes)}: raise picture_limit= if you trust the file"
            )
        # The coefficients are freed before the pixels are copied. Pillow pads 3 samples to 4.
        return max(_COPIES_HELD.get(channels, 2) * nbytes, nbytes * 4 // 3 + coefficients)

    def check_file(self, nbytes: int) -> None:
        """Refuse a file that is too large, before it is read.

        Raises:
            LimitError: the file exceeds the limit or the memory that is free.
        """
        most = self.nbytes + BESIDE_PIXELS
        if nbytes > most:
            raise LimitError(
                f"the file has {in_words(nbytes)}, more than the limit of {in_words(most)}: "
                "raise picture_limit= if you trust it"
            )
        free = available()
        if nbytes > free:
            raise LimitError(
                f"the file has {in_words(nbytes)}, but only {in_words(free)} of memory are free"
            )

    def time_for(self, nbytes: int) -> float:
        """Seconds that reading a picture of ``nbytes`` decoded bytes may take."""
        if self.seconds is not None:
            return self.seconds
        return _SECONDS + nbytes / _BYTES_PER_SECOND


def in_words(nbytes: int) -> str:
    """An amount of memory for messages, such as ``800 MB`` or ``1.5 GB``."""
    if nbytes >= 1 << 30:
        return f"{nbytes / (1 << 30):.1f} GB"
    return f"{max(1, nbytes >> 20)} MB"
