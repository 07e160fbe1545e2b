"""How much memory and time one picture file may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..errors import ImageError
from ..free_memory import available

MAX_PIXELS = 1 << 30  # OpenCV's limit too; seven times the largest medium-format photograph


class SizeCheck(Protocol):
    """Called before a picture is decoded; see :meth:`Limits.check_size`."""

    def __call__(
        self, width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> None: ...


# The decoder's own picture, and the one made of it; colours and alpha are separated after that.
_TIMES_HELD = {4: 3}
_BESIDE_PIXELS = 1 << 28  # bytes of layers and metadata that a file may hold
_SECONDS = 60.0
_BYTES_PER_SECOND = 1 << 19  # a tenth of what the slowest decoder, of JPEG 2000, reaches


def check_pixels(width: int, height: int) -> None:
    """Refuse a picture of more pixels than the decoders handle.

    Raises:
        ImageError: there are more.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width} x {height} pixels are more than the {MAX_PIXELS} handled here")


@dataclass(frozen=True)
class Limits:
    """How much memory and time one picture file may cost.

    Attributes:
        nbytes: maximum size in bytes of the decoded pixels; the file itself may be 256 MB larger.
        seconds: maximum time to read a file in a process of its own; None for a minute and two
            seconds more for each megabyte of decoded pixels.
    """

    nbytes: int = 4 << 30
    seconds: float | None = None

    def check_size(
        self, width: int, height: int, channels: int, itemsize: int, coefficients: int = 0
    ) -> None:
        """Refuse a picture that is too large, before it is decoded.

        Args:
            width, height: in pixels.
            channels: samples of a pixel.
            itemsize: bytes of a sample.
            coefficients: bytes that the decoder holds until the last pixel, as of a progressive
                JPEG.

        Raises:
            ImageError: its pixels exceed the limit or the memory that is free.
        """
        size = f"{width} x {height} pixels"
        check_pixels(width, height)
        nbytes = width * height * channels * itemsize
        if nbytes > self.nbytes:
            raise ImageError(
                f"its {size} would take {in_words(nbytes)}, more than the limit of "
                f"{in_words(self.nbytes)}: raise picture_limit= if the file is to be trusted"
            )
        # The coefficients are gone before the pixels are copied; Pillow pads three samples to four.
        needed = max(_TIMES_HELD.get(channels, 2) * nbytes, nbytes * 4 // 3 + coefficients)
        free = available()
        if needed > free:
            raise ImageError(
                f"its {size} take {in_words(needed)} while they are decoded, and "
                f"{in_words(free)} of memory are free"
            )

    def check_file(self, nbytes: int) -> None:
        """Refuse a file that is too large, before it is read.

        Raises:
            ImageError: the file exceeds the limit or the memory that is free.
        """
        most = self.nbytes + _BESIDE_PIXELS
        if nbytes > most:
            raise ImageError(
                f"the file has {in_words(nbytes)}, more than the limit of {in_words(most)}: "
                "raise picture_limit= if it is to be trusted"
            )
        free = available()
        if nbytes > free:
            raise ImageError(
                f"the file has {in_words(nbytes)}, and {in_words(free)} of memory are free"
            )

    def time_for(self, nbytes: int) -> float:
        """Seconds that reading may take, for a picture of so many decoded bytes."""
        if self.seconds is not None:
            return self.seconds
        return _SECONDS + nbytes / _BYTES_PER_SECOND


def in_words(nbytes: int) -> str:
    """An amount of memory for messages, such as ``800 MB`` or ``1.5 GB``."""
    if nbytes >= 1 << 30:
        return f"{nbytes / (1 << 30):.1f} GB"
    return f"{max(1, nbytes >> 20)} MB"
