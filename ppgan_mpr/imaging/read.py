"""From a file to a photo."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..dependencies import require
from ..errors import ImageError, MissingDependencyError
from . import opencv, png, tiff
from .formats import READABLE
from .photo import Metadata, Photo
from .pillow import image_metadata, photo_from_image, upright
from .tiff_tags import MAGICS

MAX_PIXELS = 1 << 30  # OpenCV's limit too; four times the largest medium-format photograph
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_PARSING = threading.Lock()


def read_photo(path: str | os.PathLike) -> Photo:
    """Read a picture file with everything that belongs to it.

    The picture comes back upright: an EXIF orientation is applied and set to 1. CMYK and LAB
    become sRGB, palettes RGB (or grey when all their colours are).

    Args:
        path: a file of any format that Pillow or OpenCV reads; the content decides which.

    Raises:
        ImageError: the file is missing, unreadable, damaged, moving, or holds samples of more
            than 16 bits.
        MissingDependencyError: a HEIC photo, and pillow-heif is not installed.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        photo = upright(_decode(data, path.suffix.lower()))
    except MissingDependencyError as error:
        raise MissingDependencyError(f"{path} cannot be read: {error}") from None
    except ImageError as error:
        raise ImageError(f"{path} cannot be read: {error}") from error.__cause__
    except MemoryError as error:
        raise ImageError(f"{path} cannot be read: it does not fit into memory") from error
    except Exception as error:  # decoders raise whatever a damaged file drives them into
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError(
            f"{path} cannot be read: the picture is damaged or incomplete ({detail})"
        ) from error
    return photo


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        what = "the link leads nowhere" if path.is_symlink() else "there is no such file"
        raise ImageError(f"{path} cannot be read: {what}") from None
    except IsADirectoryError:
        raise ImageError(f"{path} cannot be read: it is a folder") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be read: {reason}") from None
    if not data:
        raise ImageError(f"{path} cannot be read: the file is empty")
    return data


def _decode(data: bytes, suffix: str) -> Photo:
    if data.startswith(png.SIGNATURE):
        return _decode_png(data)
    if data[:4] in MAGICS:
        return _decode_tiff(data)
    if _is_heif(data):
        return _decode_heif(data)
    image = _open(data, suffix)
    if image is None:
        return _from_opencv(data, None, Metadata())
    image.load()
    photo = photo_from_image(image, image_metadata(image))
    lossy = photo.format in ("JPEG", "MPO", "AVIF", "JPEG2000") or (
        photo.format == "WEBP" and b"VP8L" not in data[:256]
    )
    return replace(photo, lossless=not lossy)


def _open(data: bytes, suffix: str) -> Image.Image | None:
    """Parse the header as ``Image.open`` does, without its limit of 179 million pixels.

    The limit is a global of Pillow's; going through its registry of formats leaves it alone.
    """
    Image.init()
    for name, suffixes in READABLE.items():
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or not _may_be(accept, data, suffix in suffixes):
            continue
        try:
            # Parsers warn about odd metadata; the lock keeps the filters of two threads apart.
            with _PARSING, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # how a plugin says that the file is not of its format
        _check_size(*image.size)
        return image
    return None


def _may_be(accept, data: bytes, named_so: bool) -> bool:
    """Whether the first bytes fit a format; the name decides for TGA, which has no signature."""
    if accept is None:
        return named_so
    answer = accept(data[:16])
    return bool(answer) and not isinstance(answer, str)  # a string says why it is unsupported


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width} x {height} pixels are more than the {MAX_PIXELS} handled here")


def _decode_png(data: bytes) -> Photo:
    chunks = png.read_chunks(data)
    _check_size(*struct.unpack_from(">II", chunks[b"IHDR"][0]))
    if png.is_animated(chunks):
        raise ImageError("it is animated: extract the frame to restore")
    metadata = png.read_metadata(chunks)
    if png.bit_depth(chunks) == 16:
        photo = _from_opencv(data, "PNG", metadata)
        if png.is_grey(chunks):  # OpenCV shows grey + alpha as RGBA
            photo = replace(photo, pixels=np.ascontiguousarray(photo.pixels[..., :1]))
    else:
        photo = photo_from_image(_load(data, ".png"), metadata)
    alpha = png.colour_key_alpha(chunks, photo.pixels)
    return photo if alpha is None else replace(photo, alpha=alpha)


def _decode_tiff(data: bytes) -> Photo:
    page = tiff.read_page(data)
    if page.bits < 16:
        return photo_from_image(_load(page.data, ".tif"), page.metadata)
    colours = {0: 1, 1: 1, 2: 3}.get(page.photometric)
    if page.samples not in {1: (1,), 3: (3, 4)}.get(colours, ()):
        raise ImageError(
            "16-bit TIFF is read as grey, RGB or RGB with alpha: convert it to one of these first"
        )
    photo = _from_opencv(page.data, "TIFF", page.metadata)
    pixels, alpha = photo.pixels, photo.alpha
    if page.photometric == 0:  # white is zero
        pixels = 65535 - pixels
    if alpha is not None and page.extra == 1:  # premultiplied
        pixels = np.minimum(
            np.rint(pixels * (65535 / np.maximum(alpha, 1)[..., np.newaxis])), 65535
        )
    if alpha is not None and not page.extra and not alpha.any():
        alpha = None  # an unnamed fourth channel of zeros is padding
    return replace(photo, pixels=pixels.astype(np.uint16), alpha=alpha)


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _decode_heif(data: bytes) -> Photo:
    heif = require("pillow_heif").open_heif(data, convert_hdr_to_8bit=False)
    samples = np.asarray(heif)
    raise NotImplementedError(samples)


def _load(data: bytes, suffix: str) -> Image.Image:
    image = _open(data, suffix)
    if image is None:
        raise ImageError("its samples are laid out in an unknown way, or its header is damaged")
    image.load()
    return image


def _from_opencv(data: bytes, source: str | None, metadata: Metadata) -> Photo:
    decoded = opencv.decode(data)
    if decoded is None:
        raise ImageError("it is not a picture in a known format, or it is damaged")
    pixels, alpha = decoded
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"it holds {pixels.dtype.name} numbers: convert it to 16 bits per sample first"
        )
    return Photo(pixels, alpha, metadata, source)
