"""Read pictures for training and scoring: RGB, in their own bit depth, from their header or
in part where that is enough.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from ..errors import ImageError
from . import png

EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"))

_ORIENTATION = 0x0112  # EXIF tag; values 5 to 8 turn the photo by a quarter
_BITS_PER_SAMPLE = 258  # TIFF tag, one number a channel
_JPEG = b"\xff\xd8\xff"


class Header(NamedTuple):
    """What is known of a picture before decoding it."""

    height: int
    width: int
    itemsize: int  # bytes a sample: 1 or 2

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded RGB picture."""
        return self.height * self.width * 3 * self.itemsize


def list_pictures(folder: str | Path) -> list[Path]:
    """The pictures directly in ``folder`` (by extension, any case; hidden files left out)."""
    return sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
    )


def read_header(path: str | Path) -> Header:
    """Size and depth of a picture, as :func:`read_picture` would return it.

    Raises:
        ImageError: the file is not a picture.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(29)
        if start.startswith(png.SIGNATURE):
            width, height, depth = struct.unpack_from(">IIB", start, 16)
            return Header(height, width, 2 if depth == 16 else 1)
        with Image.open(path) as image:
            width, height = image.size
            if start.startswith(_JPEG) and _is_turned(image):
                width, height = height, width
            bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
            return Header(height, width, 2 if max(bits) == 16 else 1)
    except Exception:  # whatever a damaged file makes of Pillow
        # OpenCV knows kinds of TIFF that Pillow does not, but only whole.
        pixels = read_picture(path)
        return Header(*pixels.shape[:2], pixels.itemsize)


def read_picture(path: str | Path) -> np.ndarray:
    """Decode a whole picture.

    Args:
        path: a file with one of :data:`EXTENSIONS`. Grey pictures are repeated over three
            channels, an alpha channel is dropped, a JPEG is turned upright by its EXIF tag.

    Returns:
        RGB pixels [H, W, 3], uint8 or uint16.

    Raises:
        ImageError: the file cannot be read or is not a picture of 8 or 16 bits.
    """
    return _decode(_read_bytes(path), path)


def read_region(
    path: str | Path, header: Header, top: int, left: int, height: int, width: int
) -> np.ndarray:
    """Decode one rectangle of a picture, of a PNG no more than is needed for it.

    Args:
        path: the picture.
        header: its :func:`read_header`.
        top, left, height, width: the rectangle in pixels, inside the picture.

    Returns:
        RGB pixels [height, width, 3], uint8 or uint16.

    Raises:
        ImageError: the file cannot be read, or is no longer of the size in ``header``.
    """
    data = _read_bytes(path)
    bottom, right = top + height, left + width
    cut = None
    if data.startswith(png.SIGNATURE):
        if struct.unpack_from(">II", data.ljust(24), 16) != (header.width, header.height):
            raise ImageError(f"{path} has changed its size since training began: start again")
        if bottom * right <= png.PAYS_UP_TO * header.height * header.width:
            try:
                cut = png.upper_left(data, bottom, right)
            except (ValueError, struct.error) as error:
                raise ImageError(f"{path} cannot be read, {error}: replace it") from None
    return _decode(cut or data, path)[top:bottom, left:right]


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Pixels [H, W, 3] of 8 or 16 bits, or float32 in [0, 1], as float32 [3, H, W] in [0, 1]."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if planes.dtype == np.float32:
        return planes
    scale = np.float32(1 / np.iinfo(pixels.dtype).max)
    return np.multiply(planes, scale, dtype=np.float32)


def _is_turned(image: Image.Image) -> bool:
    """Whether OpenCV turns a JPEG by a quarter: by its EXIF alone, where Pillow reads XMP too."""
    exif = Image.Exif()
    exif.load(image.info.get("exif"))
    return exif.get(_ORIENTATION) in (5, 6, 7, 8)


def _read_bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from None


def _decode(data: bytes, path: str | Path) -> np.ndarray:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    if not data.startswith(_JPEG):
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path} is not a picture of 8 or 16 bits: replace or remove it")
    return pixels[:, :, ::-1]
