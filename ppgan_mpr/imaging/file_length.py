"""Files that are far longer than their picture can need, found before they are read."""

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

_HEADER = 1 << 24  # bytes in which the size must stand
_TIMES_SAMPLES = 8  # a PPM of text has up to 6 bytes for one
_PSD, _GIF = b"8BPS", b"GIF8"
_PNG_CHANNELS = {0: 1, 4: 2, 6: 4}


def check_length(file: BinaryIO, nbytes: int, suffix: str, limits: Limits) -> None:
    """Refuse a long file whose header is damaged, or describes a picture that is far smaller.

    Files of up to 256 MB pass, as do formats that hold layers, pages or several pictures.

    Args:
        file: at its beginning; it is read a little further.
        nbytes: its length.
        suffix: of its name, in lower case.
        limits: of the picture.

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
            f"the file has {in_words(nbytes)}, more than {in_words(most)}, which its {width} x "
            f"{height} pixels could take at most: it is damaged, or holds something else"
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
