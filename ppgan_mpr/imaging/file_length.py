"""Refuses files that are far longer than their picture needs, before they are read."""

from __future__ import annotations

import struct
from typing import BinaryIO

from ..errors import ImageError
from . import raw
from .decode import open_image, sample_layout
from .limits import BESIDE_PIXELS, LimitError, Limits, in_words
from .png_chunks import SIGNATURE
from .stored_size import refuse_floating_point, stored_size
from .tiff_tags import MAGICS

_HEADER = 1 << 24  # bytes at the start that must contain the picture's size
_TIMES_SAMPLES = 8  # a text PPM has up to 6 bytes per sample
_PSD, _GIF = b"8BPS", b"GIF8"
_PNG_CHANNELS = {0: 1, 4: 2, 6: 4}


def check_length(file: BinaryIO, nbytes: int, suffix: str, limits: Limits) -> None:
    """Refuse a long file whose header is damaged or describes a far smaller picture.

    Files of up to 256 MB pass, as do formats that hold layers, pages or several pictures.

    Args:
        file: positioned at its start; up to 16 MB are read.
        nbytes: length of the file.
        suffix: the file name's, in lower case.
        limits: for the picture.

    Raises:
        ImageError: the header is damaged, or the file is too long for it.
    """
    if nbytes <= BESIDE_PIXELS:
        return
    start = file.read(_HEADER)
    layered = (*MAGICS, _PSD, _GIF)
    if start.startswith(layered) or start[4:8] == b"ftyp" or raw.begins_as_raw(start[:16]):
        return
    refuse_floating_point(start)
    width, height, channels, itemsize = _size(start, suffix)
    limits.memory_for(width, height, channels, itemsize)
    most = BESIDE_PIXELS + _TIMES_SAMPLES * width * height * channels * itemsize
    if nbytes > most:
        raise LimitError(
            f"the file has {in_words(nbytes)}, but its {width} x {height} pixels need at most "
            f"{in_words(most)}: it is damaged, or holds something else"
        )


def _size(start: bytes, suffix: str) -> tuple[int, int, int, int]:
    if start.startswith(SIGNATURE) and start[12:16] == b"IHDR":
        width, height, depth, colour = struct.unpack_from(">IIBB", start, 16)
        return width, height, _PNG_CHANNELS.get(colour, 3), 2 if depth == 16 else 1
    size = stored_size(start)
    if size is not None:
        return size
    image = open_image(start, suffix)
    if image is None:
        raise ImageError("it is not a picture in a known format, or it is damaged")
    return (*image.size, *sample_layout(image.mode))
