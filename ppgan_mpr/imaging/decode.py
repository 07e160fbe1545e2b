"""Decoding a picture file of any format into an upright photo.

Pillow decodes most files. PNG and TIFF are parsed here first, for their depth and for metadata
that Pillow drops. OpenCV decodes what Pillow would reduce to 8 bits or does not know.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import types
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile

from ..dependencies import require
from ..errors import ImageError
from . import heif, opencv, png, tiff
from .containers import complete_metadata
from .formats import READABLE
from .photo import Metadata, Photo, from_array
from .pillow import already_upright, image_metadata, photo_from_image, upright
from .png_chunks import SIGNATURE
from .samples import rescale, white
from .tiff_tags import MAGICS, Buffer

MAX_PIXELS = 1 << 30  # OpenCV's limit too; seven times the largest medium-format photograph
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_SPACE = rb"(?:\s|#[^\n]*\n)+"
_PNM_HEADER = re.compile(rb"P[2356]" + _SPACE + rb"\d+" + _SPACE + rb"\d+" + _SPACE + rb"(\d+)")
_PARSING = threading.Lock()


def decode(data: bytes, suffix: str) -> Photo:
    """Decode a picture file.

    Args:
        data: the whole file.
        suffix: of its name, in lower case; it only matters for formats without a signature.

    Raises:
        ImageError: the picture is of a kind that is not restored here.
        Exception: whatever the decoders raise on damaged files.
    """
    if data.startswith(SIGNATURE):
        return upright(_decode_png(data))
    if data[:4] in MAGICS:
        return upright(_decode_tiff(data))
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS and b"avif" not in data[8:64]:
        return _decode_heif(data)
    image = open_image(data, suffix)
    if image is None:
        return upright(_decode_opencv(data, None, Metadata()))
    metadata = complete_metadata(image, data, image_metadata(image))
    top = white_level(image.format, data)
    if top > 255:  # Pillow would keep 8 bits
        if data[:2] in (b"P2", b"P3"):
            data += b"\n"  # OpenCV misses the last number of a text without a last line break
        photo = _decode_opencv(data, image.format, metadata)
        photo = _spread(photo, top)
    else:
        photo = _decode_pillow(image, metadata)
    lossy = photo.format in ("JPEG", "MPO", "AVIF", "JPEG2000") or (
        photo.format == "WEBP" and not _is_lossless_webp(data)
    )
    return upright(replace(photo, lossless=not lossy))


def open_image(data: Buffer, suffix: str) -> Image.Image | None:
    """Parse the header as ``Image.open`` does, without its limit of 179 million pixels.

    The limit is a global variable of Pillow; its registry of formats works without it.

    Args:
        data: the whole file.
        suffix: see :func:`decode`.

    Returns:
        An image whose pixels are not loaded yet, or None where this Pillow does not know the
        format.

    Raises:
        ImageError: the header is damaged, or the picture is too large.
    """
    Image.init()
    claimed = False
    for name, suffixes in READABLE.items():
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or not _may_be(accept, bytes(data[:16]), suffix in suffixes):
            continue
        claimed = True
        if isinstance(data, (bytes, bytearray)):
            file: BinaryIO = io.BytesIO(data)
        else:  # a memory map is a file, too
            file = cast(BinaryIO, data)
            file.seek(0)
        try:
            # Parsers warn about odd metadata; the lock keeps the filters of two threads apart.
            with _PARSING, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # Pillow's way of saying that the file has another format
        _check_size(*image.size)
        return image
    if claimed:
        raise ImageError("its header is damaged, or its samples are laid out in an unknown way")
    return None


def _may_be(accept: Callable[[bytes], bool | str] | None, start: bytes, named_so: bool) -> bool:
    """Whether the first bytes fit a format; the name decides for TGA, which has no signature."""
    if accept is None:
        return named_so
    answer = accept(start)
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
        photo = _decode_opencv(png.bare(data), "PNG", metadata)
        if png.is_grey(chunks):  # OpenCV shows grey + alpha as RGBA
            photo = replace(photo, pixels=np.ascontiguousarray(photo.pixels[..., :1]))
    else:
        photo = _decode_pillow(_known(open_image(data, ".png")), metadata)
    alpha = png.colour_key_alpha(chunks, photo.pixels)
    return photo if alpha is None else replace(photo, alpha=alpha)


def _decode_tiff(data: bytes) -> Photo:
    page = tiff.read_page(data)
    if page.bits < 16:
        image = _known(open_image(page.data, ".tif"))
        # Around the decoding, Pillow would check its global limit of pixels and parse EXIF anew.
        prepare = types.MethodType(ImageFile.ImageFile.load_prepare, image)
        vars(image).update(load_prepare=prepare, load_end=lambda: None)
        return _decode_pillow(image, page.metadata)
    layouts = {0: (1,), 1: (1,), 2: (3, 4)}  # photometric interpretation -> channels
    if page.samples not in layouts.get(page.photometric, ()) or page.is_planar:
        raise ImageError(
            "16-bit TIFF is read as grey, RGB or RGB with alpha, channels interleaved: "
            "convert it to one of these first"
        )
    photo = _decode_opencv(page.data, "TIFF", page.metadata)
    pixels, alpha = photo.pixels, photo.alpha
    if page.photometric == 0:  # white is zero
        pixels = 65535 - pixels
    if alpha is not None and page.extra == 1:  # premultiplied
        straight = np.rint(pixels * (65535 / np.maximum(alpha, 1)[..., np.newaxis]))
        pixels = np.minimum(straight, 65535).astype(np.uint16)
    if alpha is not None and not page.extra and not alpha.any():
        alpha = None  # an unnamed fourth channel of zeros is padding
    return replace(photo, pixels=pixels, alpha=alpha)


def _decode_heif(data: bytes) -> Photo:
    pillow_heif = require("pillow_heif")
    picture = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    _check_size(*picture.size)
    info = picture.info
    exif = (info.get("exif") or b"").partition(b"Exif\0\0")[2] or info.get("exif")
    profile = info.get("icc_profile") or None
    metadata = Metadata(
        exif or None,
        profile,
        None,
        info.get("xmp") or None,
        cicp=None if profile else heif.nclx(data),
        dropped=heif.auxiliary(data),
    )
    # libheif turns the picture upright, but does not change the flag in EXIF.
    photo = replace(
        from_array(np.asarray(picture)), metadata=metadata, format="HEIF", lossless=False
    )
    return already_upright(photo)


def white_level(name: str | None, data: Buffer) -> int:
    """The code of white, for formats whose deeper variants Pillow reduces to 8 bits; else 255.

    Args:
        name: Pillow's name of the format.
        data: the whole file.
    """
    if name == "PPM":
        header = _PNM_HEADER.match(data)
        return int(header.group(1)) if header else 1  # P1 and P4 are bitmaps
    if name == "JPEG2000":  # ISO 15444-1, A.5.1: Ssiz, the bits - 1 of the first component
        size = data.find(b"\xff\x4f\xff\x51")
        return (2 << (data[size + 42] & 0x7F)) - 1 if size >= 0 else 255
    if name == "AVIF":  # AV1 in ISO base media, 2.3.3
        configuration = data.find(b"av1C")
        flags = data[configuration + 6] if configuration >= 0 else 0
        return (4095 if flags & 0x20 else 1023) if flags & 0x40 else 255
    return 255


def _is_lossless_webp(data: bytes) -> bool:
    """Whether the chunk with the pixels is the lossless one (WebP container specification)."""
    position = 12
    while position + 8 <= len(data) and data[position : position + 4] not in (b"VP8 ", b"VP8L"):
        (length,) = struct.unpack_from("<I", data, position + 4)
        position += 8 + length + length % 2
    return data[position : position + 4] == b"VP8L"


def _spread(photo: Photo, top: int) -> Photo:
    """10- and 12-bit codes over the whole range of 16 bits."""
    if top == white(np.uint16):
        return photo
    alpha = None if photo.alpha is None else rescale(photo.alpha, top, np.uint16)
    return replace(photo, pixels=rescale(photo.pixels, top, np.uint16), alpha=alpha)


def _known(image: Image.Image | None) -> Image.Image:
    if image is None:  # a Pillow without the codec
        raise ImageError("this installation of Pillow cannot read its format")
    return image


def _decode_pillow(image: Image.Image, metadata: Metadata) -> Photo:
    image.load()
    return photo_from_image(image, metadata)


def _decode_opencv(data: bytes, source: str | None, metadata: Metadata) -> Photo:
    decoded = opencv.decode(data)
    if decoded is None:
        raise ImageError(
            f"its {source} data is damaged, or deeper than 8 bits in a way not supported"
            if source
            else "it is not a picture in a known format, or it is damaged"
        )
    pixels, alpha = decoded
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"it holds {pixels.dtype.name} numbers: convert it to 16 bits per sample first"
        )
    return Photo(pixels, alpha, metadata, source)
