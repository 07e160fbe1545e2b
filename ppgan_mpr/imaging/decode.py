"""Decoding a picture file of any format into an upright photo.

Pillow decodes most files. PNG and TIFF are parsed here first, for their bit depth and for metadata
that Pillow drops. OpenCV decodes pictures that Pillow would reduce to 8 bits or does not know.
LibRaw decodes cameras' raw files.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import struct
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile

from ..dependencies import require
from ..errors import ImageError
from . import heif, opencv, png, raw, tiff
from .containers import complete_metadata
from .credentials import credentials
from .formats import READABLE
from .limits import SizeCheck, check_pixels
from .photo import Metadata, Photo, from_array
from .pillow import already_upright, image_metadata, photo_from_image, upright
from .plain_comments import netpbm_comment
from .png_chunks import SIGNATURE
from .samples import rescale, white
from .stored_size import refuse_floating_point, stored_size
from .tiff_tags import MAGICS, Buffer

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_SPACE = rb"(?:\s|#[^\n]*\n)+"
_PNM_HEADER = re.compile(rb"P[2356]" + _SPACE + rb"\d+" + _SPACE + rb"\d+" + _SPACE + rb"(\d+)")
_PARSING = threading.Lock()
# First bytes of formats that are recognised even if Pillow does not know them. OpenCV decodes PAM,
# Sun raster, JPEG 2000 and WebP; Radiance, OpenEXR and PFM are refused with a message of their own.
_OPENCV_SIGNATURES = (
    b"P7", b"\x59\xa6\x6a\x95", b"#?R", b"\x76\x2f\x31\x01", b"PF", b"Pf",
    b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51", b"RIFF",
)  # fmt: skip
SIGNATURE_BYTES = 64  # enough for :func:`recognised`


def recognised(start: bytes, suffix: str) -> bool:
    """Whether a file begins with the signature of a known format.

    Args:
        start: at least the first :data:`SIGNATURE_BYTES` of the file, or all of it.
        suffix: see :func:`decode`.
    """
    if start[:4] in MAGICS or start[4:8] == b"ftyp" or start.startswith(_OPENCV_SIGNATURES):
        return True
    if raw.begins_as_raw(start):
        return True
    return any(
        _may_be(Image.OPEN[name][1], start[:16], suffix in READABLE[name])
        for name in _readable_formats()
    )


def is_heif(start: bytes) -> bool:
    """Whether a file is a HEIF picture that libheif decodes, not an AVIF.

    Args:
        start: at least the first :data:`SIGNATURE_BYTES` of the file.
    """
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS and b"avif" not in start[8:]


def decode(data: bytes, suffix: str, check_size: SizeCheck) -> Photo:
    """Decode a picture file.

    Args:
        data: the whole file.
        suffix: the file name's, in lower case; used only for formats without a signature and for
            cameras' raw files.
        check_size: refuses pictures that are too large, before they are decoded.

    Raises:
        ImageError: the picture is of an unsupported kind, such as an animation.
        Exception: any error that a decoder raises on a damaged file.
    """
    if data.startswith(SIGNATURE):
        return upright(_decode_png(data, check_size))
    if raw.is_raw(data, suffix):
        return raw.develop(data, check_size)
    if data[:4] in MAGICS:
        return upright(_decode_tiff(data, check_size))
    if is_heif(data[:SIGNATURE_BYTES]):
        return _decode_heif(data, check_size)
    refuse_floating_point(data)
    image = open_image(data, suffix, check_size)
    if image is None:
        return upright(_decode_unknown_to_pillow(data, check_size))
    metadata = complete_metadata(image, data, image_metadata(image))
    top = white_level(image.format, data)
    if top > 255:  # Pillow would keep 8 bits
        if data[:2] in (b"P2", b"P3"):
            data += b"\n"  # OpenCV misses the last number of a text without a last line break
        size = stored_size(data)  # of the codestream, which may differ from the container's
        if size is not None:
            check_size(*size)
        photo = _decode_opencv(data, image.format, metadata)
        photo = _scale_to_16_bits(photo, top)
    else:
        photo = _decode_pillow(image, metadata)
    lossy = photo.format in ("JPEG", "MPO", "AVIF", "JPEG2000") or (
        photo.format == "WEBP" and not _is_lossless_webp(data)
    )
    return upright(replace(photo, lossless=not lossy))


def open_image(
    data: Buffer, suffix: str, check_size: SizeCheck | None = None
) -> Image.Image | None:
    """Parse the header as ``Image.open`` does, but without its limit of 179 million pixels.

    The limit is a global variable. Of the parsers called here, only that of WebP checks it.

    Args:
        data: the whole file.
        suffix: see :func:`decode`.
        check_size: see :func:`decode`; default: only the number of pixels is limited.

    Returns:
        An image whose pixels are not loaded yet, or None if this Pillow does not know the
        format.

    Raises:
        ImageError: the header is damaged, or the picture is too large.
    """
    claimed = False
    for name in _readable_formats():
        factory, accept = Image.OPEN[name]
        if not _may_be(accept, bytes(data[:16]), suffix in READABLE[name]):
            continue
        claimed = True
        if isinstance(data, (bytes, bytearray)):
            file: BinaryIO = io.BytesIO(data)
        else:  # a memory map is a file, too
            file = cast(BinaryIO, data)
            file.seek(0)
        try:
            # Parsers warn about odd metadata. Warning filters and pixel limit are global.
            with _PARSING, warnings.catch_warnings(), _without_pixel_limit():
                warnings.simplefilter("ignore")
                image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # Pillow's way of saying that the file has another format
        check_pixels(*image.size)
        if check_size:
            width, height = image.size
            check_size(width, height, *sample_layout(image.mode), _coefficient_bytes(image))
        return image
    if claimed:
        raise ImageError("its header is damaged, or its samples are laid out in an unknown way")
    return None


@contextlib.contextmanager
def _without_pixel_limit() -> Iterator[None]:
    """Lift the limit of Pillow's WebP parser; call :func:`check_pixels` afterwards."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _readable_formats() -> Iterator[str]:
    """Names of the readable formats that this Pillow knows.

    The frequent ones come first, so that Pillow loads its other forty modules only if needed.
    """
    Image.preinit()
    frequent = [name for name in READABLE if name in Image.OPEN]
    yield from frequent
    Image.init()
    yield from (name for name in READABLE if name in Image.OPEN and name not in frequent)


def _may_be(accept: Callable[[bytes], bool | str] | None, start: bytes, has_suffix: bool) -> bool:
    """Whether the first bytes fit a format; the suffix decides for TGA, which has no signature."""
    if accept is None:
        return has_suffix
    answer = accept(start)
    return bool(answer) and not isinstance(answer, str)  # a string says why it is unsupported


def sample_layout(mode: str) -> tuple[int, int]:
    """Channels and bytes per sample that size checks assume for an image of this mode."""
    if mode[0] in "IF":
        return 1, 2
    channels = {"1": 1, "L": 1, "LA": 2, "La": 2, "RGBA": 4, "RGBa": 4, "PA": 4, "CMYK": 4}
    return channels.get(mode, 3), 1


def _coefficient_bytes(image: Image.Image) -> int:
    """Bytes that libjpeg keeps for a progressive JPEG: 16 bits per sample before upsampling."""
    layers = getattr(image, "layer", ())  # (name, horizontal and vertical sampling, table)
    if not image.info.get("progressive") or not layers:
        return 0
    finest = max(layer[1] for layer in layers) * max(layer[2] for layer in layers)
    samples = sum(layer[1] * layer[2] for layer in layers)
    return 2 * image.width * image.height * samples // max(1, finest)


def _decode_unknown_to_pillow(data: bytes, check_size: SizeCheck) -> Photo:
    size = stored_size(data)
    if size is None:
        raise ImageError("it is not a picture in a known format, or it is damaged")
    check_size(*size)
    if data.startswith(b"P7"):
        return _decode_pam(data)
    return _decode_opencv(data, None, Metadata())


def _decode_png(data: bytes, check_size: SizeCheck) -> Photo:
    chunks = png.read_chunks(data)
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"][0])
    check_size(width, height, {0: 1, 4: 2, 6: 4}.get(colour, 3), 2 if depth == 16 else 1)
    if png.is_animated(chunks):
        raise ImageError("it is animated: extract the frame to restore")
    metadata = png.read_metadata(chunks)
    if png.bit_depth(chunks) == 16:
        photo = _decode_opencv(png.bare(data), "PNG", metadata)
        if png.is_grey(chunks):  # OpenCV decodes grey + alpha as RGBA
            photo = replace(photo, pixels=np.ascontiguousarray(photo.pixels[..., :1]))
    else:
        photo = _decode_pillow(_known(open_image(data, ".png")), metadata)
    alpha = png.colour_key_alpha(chunks, photo.pixels)
    return photo if alpha is None else replace(photo, alpha=alpha)


def _decode_tiff(data: bytes, check_size: SizeCheck) -> Photo:
    page = tiff.read_page(data)
    check_size(page.width, page.height, page.samples, 2 if page.bits == 16 else 1)
    if page.bits < 16:
        image = _known(open_image(page.data, ".tif"))
        # Replace two methods that would check Pillow's global pixel limit and parse EXIF again.
        prepare = types.MethodType(ImageFile.ImageFile.load_prepare, image)
        vars(image).update(load_prepare=prepare, load_end=lambda: None)
        return _decode_pillow(image, page.metadata)
    layouts = {0: (1,), 1: (1,), 2: (3, 4)}  # photometric interpretation -> channels
    if page.samples not in layouts.get(page.photometric, ()) or page.is_planar:
        raise ImageError(
            "a 16-bit TIFF must be grey, RGB or RGB with alpha, with interleaved channels: "
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
        alpha = None  # a fourth channel of zeros without a stated meaning is padding
    return replace(photo, pixels=pixels, alpha=alpha)


def _decode_pam(data: bytes) -> Photo:
    photo = _decode_opencv(data, None, Metadata(comment=netpbm_comment(data)))
    if photo.is_grey or not _reverses_pam(photo.alpha is not None, photo.pixels.itemsize):
        return photo
    return replace(photo, pixels=np.ascontiguousarray(photo.pixels[..., ::-1]))


@functools.cache
def _reverses_pam(alpha: bool, itemsize: int) -> bool:
    """Whether this OpenCV decodes a PAM to RGB instead of BGR, which swaps red and blue."""
    kind, depth = ("RGB_ALPHA", 4) if alpha else ("RGB", 3)
    top = 256**itemsize - 1
    header = f"P7\nWIDTH 1\nHEIGHT 1\nDEPTH {depth}\nMAXVAL {top}\nTUPLTYPE {kind}\nENDHDR\n"
    samples = np.arange(depth, dtype=f">u{itemsize}").tobytes()
    decoded = opencv.decode(header.encode() + samples)
    return decoded is not None and decoded[0][0, 0, 0] > decoded[0][0, 0, 2]


def _decode_heif(data: bytes, check_size: SizeCheck) -> Photo:
    pillow_heif = require("pillow_heif")
    picture = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    width, height = picture.size
    check_size(width, height, 4 if picture.has_alpha else 3, 2 if ";16" in picture.mode else 1)
    info = picture.info
    exif = (info.get("exif") or b"").partition(b"Exif\0\0")[2] or info.get("exif")
    profile = info.get("icc_profile") or None
    metadata = Metadata(
        exif or None,
        profile,
        None,
        info.get("xmp") or None,
        cicp=None if profile else heif.nclx(data),
        dropped=(*heif.auxiliary(data), *credentials(data)),
    )
    # libheif turns the picture upright, but does not change the flag in EXIF.
    photo = replace(
        from_array(np.asarray(picture)), metadata=metadata, format="HEIF", lossless=False
    )
    return already_upright(photo)


def white_level(name: str | None, data: Buffer) -> int:
    """Sample value of white in formats whose deeper variants Pillow reduces to 8 bits; else 255.

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


def _scale_to_16_bits(photo: Photo, top: int) -> Photo:
    """Scale samples from [0, ``top``] to the full 16-bit range."""
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
            f"its {source} data is damaged, or has an unsupported depth of more than 8 bits"
            if source
            else "it is not a picture in a known format, or it is damaged"
        )
    pixels, alpha = decoded
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"it holds {pixels.dtype.name} numbers: convert it to 16 bits per sample first"
        )
    return Photo(pixels, alpha, metadata, source)
