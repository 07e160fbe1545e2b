"""Fast reading of training and scoring pictures, whole or in part, as RGB in their bit depth.

OpenCV decodes several times as fast as :func:`ppgan_mpr.imaging.read_photo`, which keeps metadata
and supports more formats. Both turn pictures upright by the same rule.
"""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from ..errors import ImageError
from ..imaging.exif import turn_upright, upright_exif
from ..imaging.formats import READABLE
from ..imaging.header import Header, header_of
from ..imaging.png_chunks import SIGNATURE
from ..imaging.samples import to_float
from ..imaging.tiff_tags import MAGICS
from . import png_region
from .packed import find_packed

#: Suffixes of the formats that OpenCV decodes everywhere.
SUFFIXES = frozenset(
    suffix for name in ("PNG", "JPEG", "TIFF", "BMP", "WEBP") for suffix in READABLE[name]
)


def read_picture(path: str | Path) -> np.ndarray:
    """Decode a whole picture.

    Args:
        path: a file with one of :data:`SUFFIXES`. Grey is repeated over three channels, an alpha
            channel is dropped, and the EXIF orientation is applied.

    Returns:
        RGB pixels [H, W, 3], uint8 or uint16.

    Raises:
        ImageError: the file cannot be read or is not a picture of 8 or 16 bits.
    """
    data = _read_bytes(path)
    try:
        orientation = header_of(data).orientation
    except Exception:  # a damaged file may cause any error in the parsers
        orientation = 1  # OpenCV then decides whether the file can be read
    return _decode(data, path, orientation)


def read_region(
    path: str | Path, header: Header, top: int, left: int, height: int, width: int
) -> np.ndarray:
    """Decode one rectangle of a picture; PNGs are decoded only up to its lower right corner.

    Args:
        path: the picture.
        header: the header of the picture, from :func:`ppgan_mpr.imaging.read_header`.
        top, left, height, width: the rectangle in pixels, inside the picture.

    Returns:
        RGB pixels [height, width, 3], uint8 or uint16.

    Raises:
        ImageError: the file cannot be read, or its size is not the one in ``header``.
    """
    data = _read_bytes(path)
    bottom, right = top + height, left + width
    if data.startswith(SIGNATURE) and header.orientation == 1:
        if struct.unpack_from(">II", data.ljust(24), 16) != (header.width, header.height):
            raise changed_size(path)
        if bottom * right <= png_region.PAYS_UP_TO * header.height * header.width:
            try:
                cut = png_region.upper_left(data, bottom, right)
            except ValueError as error:
                raise ImageError(f"{path} cannot be read, {error}: replace it") from None
            if cut is not None:
                return _decode(cut, path)[top:, left:]
    pixels = _decode(data, path, header.orientation)
    if pixels.shape[:2] != header[:2]:
        raise changed_size(path)
    return pixels[top:bottom, left:right]


def to_planes(pixels: np.ndarray) -> np.ndarray:
    """Convert pixels [H, W, 3], integers or floats in [0, 1], to float32 [3, H, W] in [0, 1]."""
    return to_float(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def changed_size(path: str | Path) -> ImageError:
    """The error for a picture whose size differs from that in its stored header."""
    return ImageError(f"{path} has changed its size since training began: start again")


def _read_bytes(path: str | Path) -> bytes:
    """Read the content of a file, and compare the checksums of a PNG."""
    try:
        packed = find_packed(path)
        data = packed[0].read(packed[1]) if packed else Path(path).read_bytes()
        if data.startswith(SIGNATURE):
            png_region.check(data)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ImageError(f"{path} is damaged, {error}: replace it") from None
    return data


def _decode(data: bytes, path: str | Path, orientation: int = 1) -> np.ndarray:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    if orientation != 1 and data[:4] in MAGICS:
        # OpenCV turns TIFFs even with IMREAD_IGNORE_ORIENTATION, so their orientation tag is reset
        # first. The tags of a TIFF have the layout of EXIF.
        data = upright_exif(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path} is not a picture of 8 or 16 bits: replace or remove it")
    pixels = pixels[:, :, ::-1]  # BGR to RGB, as a view: callers may need only a region
    return pixels if orientation == 1 else turn_upright(pixels, orientation)
