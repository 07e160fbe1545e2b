"""TIFF: a parser that runs before decoding, and a writer that keeps all metadata.

Pillow cannot write 16-bit colour and OpenCV cannot write tags, so this module has a baseline
writer (TIFF 6.0): strips, deflate, horizontal differencing.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ImageError
from .comments import comment_of
from .credentials import CREDENTIALS
from .exif import description
from .iptc import iptc_of
from .photo import Metadata, Photo, plausible_dpi
from .resources import carried
from .tiff_tags import (
    SUB_IFDS,
    Allowance,
    Entry,
    TiffError,
    pack_header,
    pack_tree,
    parse_header,
    read_ifd,
    read_tree,
)

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_COUNTS = 273, 274, 277, 278, 279
_X_DPI, _Y_DPI, _PLANAR, _DPI_UNIT, _PREDICTOR = 282, 283, 284, 296, 317
_TILE_OFFSETS, _TILE_COUNTS, _EXTRA, _FORMAT = 324, 325, 338, 339
_DESCRIPTION, _XMP, _IPTC, _RESOURCES, _ICC = 270, 700, 33723, 34377, 34675
_LAYERS, _CREDENTIALS = 37724, 52545
# Tags that are not copied: how one file stores its samples, and values that are written anew. The
# last ones are Photoshop's image resources and layers, and content credentials.
_STRUCTURE = {
    *range(254, 267), 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297, 301,
    317, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 337, 338, 339, 340, 341, 347,
    *range(512, 533), _XMP, _IPTC, _ICC, _RESOURCES, _LAYERS, _CREDENTIALS,
}  # fmt: skip
_STRIP_BYTES = 1 << 19


@dataclass(frozen=True)
class Page:
    """The first picture of a TIFF file.

    Attributes:
        data: the file with its orientation set to 1, since only some decoders apply it.
        bits: bits per sample.
        samples: channels, including those beyond the colours.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 LAB.
        is_planar: the channels are stored one after another.
        extra: meaning of the channel beyond the colours: 1 premultiplied alpha, 2 alpha, 0
            unspecified, None without such a channel.
        metadata: with the file's orientation.
        width, height: in pixels, as stored.
    """

    data: bytes
    bits: int
    samples: int
    photometric: int
    is_planar: bool
    extra: int | None
    metadata: Metadata
    width: int
    height: int


def read_page(data: bytes) -> Page:
    """Parse a TIFF file without decoding its pixels.

    Raises:
        ImageError: it has several pages, ends early, or its samples are not integers of up to 16
            bits.
    """
    try:
        order, big, first = parse_header(data)
        tags, pointer = read_ifd(data, order, first, big, strict=True)
        tree = read_tree(data, order, first, big)
    except TiffError as error:
        raise ImageError("the file is damaged or incomplete") from error

    def numbers(tag: int, default: tuple[int, ...] = ()) -> tuple[Any, ...]:
        return tags[tag].numbers(order) if tag in tags and tags[tag].count else default

    if _count_pages(data, order, pointer, big) > 1:
        raise ImageError("it has several pages: extract the one to restore")
    bits, kinds = set(numbers(_BITS, (1,))), set(numbers(_FORMAT, (1,)))
    if not kinds <= {1, 4} or len(bits) > 1 or not bits <= {1, 2, 4, 8, 16}:
        raise ImageError(
            f"it holds {_describe(max(bits), max(kinds))}: "
            "convert it to 8 or 16 bits per sample first"
        )
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_COUNTS), (_TILE_OFFSETS, _TILE_COUNTS)):
        ends = map(sum, zip(numbers(offsets), numbers(counts)))
        if max(ends, default=0) > len(data):
            raise ImageError("the file ends before the picture does")
    extra = numbers(_EXTRA)
    turned = tags.get(_ORIENTATION)
    if turned is not None:
        upright = bytearray(data)
        turned.overwrite(upright, order, 1)
        data = bytes(upright)
    return Page(
        data,
        bits.pop(),
        numbers(_SAMPLES, (1,))[0],
        numbers(_PHOTOMETRIC, (1,))[0],
        numbers(_PLANAR, (1,))[0] == 2 and numbers(_SAMPLES, (1,))[0] > 1,
        extra[0] if extra else None,
        metadata_of(tree, order),
        numbers(_WIDTH, (0,))[0],
        numbers(_HEIGHT, (0,))[0],
    )


def encode(photo: Photo) -> bytes:
    """A baseline TIFF file: 8 or 16 bits, grey or RGB, alpha unassociated, deflated.

    16-bit grey with alpha is written as RGB with alpha, which more programs read.

    Raises:
        ImageError: the file would be larger than 4 GB, the limit of TIFF's offsets.
    """
    metadata = photo.metadata
    order, tree = _exif_tree(metadata.exif)
    pixels = photo.pixels
    if photo.is_grey and photo.alpha is not None and pixels.dtype == np.uint16:
        pixels = np.repeat(pixels, 3, axis=2)
    grey = pixels.shape[2] == 1
    if photo.alpha is not None:
        pixels = np.dstack([pixels, photo.alpha])
    height, width, samples = pixels.shape
    bits = 8 * pixels.itemsize
    rows = max(1, _STRIP_BYTES // (width * samples * pixels.itemsize))
    strips = [_deflate(pixels[top : top + rows], order) for top in range(0, height, rows)]
    ends = np.cumsum([8] + [len(strip) for strip in strips]).tolist()
    if ends[-1] + len(metadata.icc_profile or b"") + (1 << 24) > 1 << 32:
        raise ImageError("a TIFF file holds at most 4 GB, choose .png")

    def shorts(*values: int) -> Entry:
        return Entry(3, len(values), struct.pack(f"{order}{len(values)}H", *values))

    def longs(*values: int) -> Entry:
        return Entry(4, len(values), struct.pack(f"{order}{len(values)}I", *values))

    tree.update({
        _WIDTH: longs(width),
        _HEIGHT: longs(height),
        _BITS: shorts(*[bits] * samples),
        _COMPRESSION: shorts(8),  # deflate
        _PHOTOMETRIC: shorts(1 if grey else 2),
        _STRIP_OFFSETS: longs(*ends[:-1]),
        _ORIENTATION: shorts(1),
        _SAMPLES: shorts(samples),
        _ROWS: longs(rows),
        _STRIP_COUNTS: longs(*map(len, strips)),
        _PLANAR: shorts(1),
        _PREDICTOR: shorts(2),
    })  # fmt: skip
    if photo.alpha is not None:
        tree[_EXTRA] = shorts(2)
    if metadata.dpi:
        for tag, value in zip((_X_DPI, _Y_DPI), metadata.dpi):
            ratio = struct.pack(order + "II", round(value * 10000), 10000)
            tree[tag] = Entry(5, 1, ratio)
        tree[_DPI_UNIT] = shorts(2)
    if metadata.icc_profile:
        tree[_ICC] = Entry(7, len(metadata.icc_profile), metadata.icc_profile)
    if metadata.xmp:
        tree[_XMP] = Entry(1, len(metadata.xmp), metadata.xmp)
    if metadata.iptc:
        tree[_IPTC] = Entry(7, len(metadata.iptc), metadata.iptc)
    if metadata.resources:
        tree[_RESOURCES] = Entry(7, len(metadata.resources), metadata.resources)
    caption = comment_of(metadata)
    if caption and not description(metadata.exif):
        tree[_DESCRIPTION] = Entry(2, len(caption) + 1, caption + b"\0")
    padding = b"\0" * (ends[-1] % 2)
    directory = ends[-1] + len(padding)
    return b"".join(
        [pack_header(order, directory), *strips, padding, pack_tree(tree, order, directory)]
    )


def _deflate(strip: np.ndarray, order: str) -> bytes:
    difference = strip.copy()
    difference[:, 1:] -= strip[:, :-1]  # modulo 2^bits (TIFF 6.0, section 14)
    return zlib.compress(difference.astype(f"{order}u{strip.itemsize}").tobytes(), 4)


def _exif_tree(exif: bytes | None) -> tuple[str, dict[int, Any]]:
    """Byte order and directories of an EXIF block, without the tags about stored samples."""
    exif = exif or b""
    try:
        order, big, first = parse_header(exif)
        tree = read_tree(exif, order, first, big)
    except TiffError:
        return "<", {}
    return order, {tag: item for tag, item in tree.items() if tag not in _STRUCTURE}


def metadata_of(tree: dict[int, Any], order: str) -> Metadata:
    """The metadata in directories, without the tags about how one file stores its samples.

    Args:
        tree: as :func:`.tiff_tags.read_tree` returns it.
        order: byte order, ``'<'`` or ``'>'``.
    """

    def blob(tag: int) -> bytes | None:
        return tree[tag].value if tag in tree else None

    dpi = None
    units = tree[_DPI_UNIT].numbers(order) if _DPI_UNIT in tree else (2,)
    unit = {2: 1.0, 3: 2.54}.get(units[0]) if units else None
    if unit and tree.keys() >= {_X_DPI, _Y_DPI} and tree[_X_DPI].type == tree[_Y_DPI].type == 5:
        pairs = [tree[tag].numbers(order)[:2] for tag in (_X_DPI, _Y_DPI)]
        if all(len(pair) == 2 and all(pair) for pair in pairs):
            dpi = plausible_dpi(*(unit * top / bottom for top, bottom in pairs))
    shown = _STRUCTURE | ({_X_DPI, _Y_DPI, _DPI_UNIT} if dpi else set())
    kept = {
        tag: item
        for tag, item in tree.items()
        if tag not in shown and (tag in SUB_IFDS or item.type not in (13, 16, 17, 18))
    }
    exif = pack_header(order, 8) + pack_tree(kept, order, 8) if kept else None
    iptc = blob(_IPTC) or iptc_of(blob(_RESOURCES))
    dropped: tuple[str, ...] = ("the layers",) if _LAYERS in tree else ()
    dropped += (CREDENTIALS,) if _CREDENTIALS in tree else ()
    kept_resources = carried(blob(_RESOURCES))
    return Metadata(
        exif, blob(_ICC), dpi, blob(_XMP), iptc=iptc, dropped=dropped, resources=kept_resources
    )


def _count_pages(data: bytes, order: str, pointer: int | None, big: bool) -> int:
    """Number of pictures in the file, without thumbnails and masks (TIFF 6.0, tag 254)."""
    pages, seen, allowance = 1, set[int](), Allowance(data)
    while pointer is not None and pointer not in seen:
        seen.add(pointer)
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, pointer)
        try:
            tags, pointer = read_ifd(data, order, offset, big, allowance=allowance)
        except TiffError:
            break
        kind = tags[_SUBFILE].numbers(order)[0] if _SUBFILE in tags else 0
        pages += not kind & 0b101
    return pages


def _describe(bits: int, kind: int) -> str:
    name = {2: "signed numbers", 3: "floating-point numbers", 5: "complex numbers"}
    return f"{bits}-bit {name.get(kind, 'samples')}"
