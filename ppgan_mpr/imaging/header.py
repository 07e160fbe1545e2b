"""Size and depth of a picture file, without decoding its pixels."""

from __future__ import annotations

import contextlib
import mmap
import struct
from pathlib import Path
from typing import NamedTuple

from ..dependencies import require
from ..errors import ImageError, MissingDependencyError
from . import heif, png, raw
from .containers import complete_metadata
from .decode import SIGNATURE_BYTES, is_heif, open_image, recognised, white_level
from .exif import orientation
from .limits import check_pixels
from .pillow import image_metadata
from .png_chunks import SIGNATURE
from .read import refuse_pipe
from .stored_size import refuse_floating_point, stored_size
from .tiff_tags import MAGICS, Buffer, parse_header, read_ifd

_START = 4096  # bytes, enough for the header of most PNGs, and faster than a memory map
_WIDTH, _HEIGHT, _BITS, _XMP = 256, 257, 258, 700  # TIFF tags


class Header(NamedTuple):
    """Size and depth of an upright picture.

    Attributes:
        height, width: in pixels, after the picture is turned upright.
        itemsize: bytes per sample: 1 or 2.
        orientation: EXIF orientation 1-8 of the stored pixels; 1 if they are upright.
    """

    height: int
    width: int
    itemsize: int
    orientation: int = 1

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded RGB picture."""
        return self.height * self.width * 3 * self.itemsize


def read_header(path: str | Path) -> Header:
    """Read size, depth and orientation of a picture file.

    No pixels are decoded. An orientation that a PNG stores after its pixels is not found.

    Raises:
        ImageError: the file cannot be read or is not a picture.
    """
    path = Path(path)
    try:
        refuse_pipe(path)
        with path.open("rb", buffering=0) as file:
            start = file.read(_START)
            if start.startswith(SIGNATURE):
                with contextlib.suppress(ValueError):  # the pixels may begin further on
                    return _png_header(start)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return header_of(data, path.suffix.lower())
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ImageError, MissingDependencyError) as error:
        raise ImageError(f"{path} cannot be read: {error}") from None
    except Exception as error:  # an empty file, or any error of a decoder on a damaged one
        raise ImageError(f"{path} is not a picture, or it is damaged") from error


def header_of(data: Buffer, suffix: str = "") -> Header:
    """The header of a picture file in memory.

    Args:
        data: the whole file.
        suffix: the file name's, in lower case; used only for formats without a signature and for
            cameras' raw files.

    Raises:
        ImageError: it is not a picture that can be restored.
        Exception: any error that a decoder raises on a damaged file.
    """
    if data[:8] == SIGNATURE:
        return _png_header(data)
    # Only LibRaw finds the size. It is not run here: a damaged file could crash this process.
    if raw.is_raw(data, suffix):
        raise ImageError("it is a camera's raw file: develop it to a 16-bit TIFF first")
    if data[:4] in MAGICS:
        return _tiff_header(data)
    if not recognised(bytes(data[:SIGNATURE_BYTES]), suffix):
        raise ImageError("it is not a picture in a known format, or it is damaged")
    refuse_floating_point(data)
    if is_heif(bytes(data[:SIGNATURE_BYTES])):
        return _heif_header(data)
    image = open_image(data, suffix)
    if image is None:
        size = stored_size(data)
        if size is None:
            raise ImageError("it is not a picture in a known format, or it is damaged")
        check_pixels(size.width, size.height)
        return Header(size.height, size.width, size.itemsize)
    deep = image.mode.startswith("I") or white_level(image.format, data) > 255
    metadata = image_metadata(image)
    if image.format == "JPEG2000":  # Pillow does not read its orientation
        metadata = complete_metadata(image, data, metadata)
    flag = orientation(metadata.exif, metadata.xmp)
    return _turned(*image.size, 2 if deep else 1, flag)


def _png_header(data: Buffer) -> Header:
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    metadata = png.read_metadata(png.read_chunks(data, stop=b"IDAT"))
    flag = orientation(metadata.exif, metadata.xmp)
    return _turned(width, height, 2 if depth == 16 else 1, flag)


def _tiff_header(data: Buffer) -> Header:
    order, big, first = parse_header(data)
    tags, _ = read_ifd(data, order, first, big)
    width, height = (tags[tag].numbers(order)[0] for tag in (_WIDTH, _HEIGHT))
    bits = tags[_BITS].numbers(order) if _BITS in tags else (1,)
    # A TIFF file has the layout of an EXIF block.
    flag = orientation(data, tags[_XMP].value if _XMP in tags else None)
    return _turned(width, height, 2 if max(bits) == 16 else 1, flag)


def _heif_header(data: Buffer) -> Header:
    require("pillow_heif")  # needed to decode it later
    size = heif.upright_size(data)
    if size is None:
        raise ImageError("its header is damaged")
    check_pixels(size.width, size.height)
    return Header(size.height, size.width, size.itemsize)


def _turned(width: int, height: int, itemsize: int, flag: int) -> Header:
    if flag >= 5:  # a quarter turn
        width, height = height, width
    return Header(height, width, itemsize, flag)
