"""EXIF blocks: orientation, thumbnail, resolution and description.

A photo is turned upright when it is read, so its metadata must say "upright" when it is written.
The thumbnail is removed, as it shows the picture before restoration. Everything else keeps its
position: maker notes hold offsets into the block, which would no longer fit.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from .photo import plausible_dpi
from .thumbnails import remove_thumbnail
from .tiff_tags import Buffer, Entry, TiffError, parse_header, read_ifd
from .xmp import without_absent_parts

_DESCRIPTION, _ORIENTATION = 0x010E, 0x0112
_X_DPI, _Y_DPI, _DPI_UNIT = 0x011A, 0x011B, 0x0128
_UNITS = {2: 1.0, 3: 2.54}  # per inch, per centimetre
_GPS_IFD = 34853
_EXIF_IFD = 34665
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)  # in the first and the Exif directory
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def orientation(exif: Buffer | None, xmp: bytes | None) -> int:
    """The orientation 1-8 in EXIF, or in XMP if EXIF has none; 1 (upright) if invalid or absent.

    Args:
        exif: an EXIF block, or a TIFF file, which has the same layout.
        xmp: an XMP packet.
    """
    if exif:
        try:
            order, big, first = parse_header(exif)
            entry = read_ifd(exif, order, first, big)[0].get(_ORIENTATION)
            if entry is not None:
                value = entry.numbers(order)[0]
                return int(value) if 1 <= value <= 8 else 1
        except (TiffError, IndexError):
            pass
    found = _XMP_ORIENTATION.search(xmp or b"")
    return int(found.group(2)) if found else 1


def upright_exif(exif: bytes) -> bytes:
    """The block with its orientation set to 1 and without its thumbnail.

    The thumbnail shows the picture before restoration and rotation. Viewers make their own.
    """
    try:
        order, big, first = parse_header(exif)
        entries, next_pointer = read_ifd(exif, order, first, big)
    except TiffError:
        return exif
    patched = bytearray(exif)
    entry = entries.get(_ORIENTATION)
    turned = entry is not None and entry.count and 2 <= entry.numbers(order)[0] <= 8
    if turned and entry is not None:
        entry.overwrite(patched, order, 1)
    if next_pointer is not None and not big:
        remove_thumbnail(patched, order, next_pointer, bool(turned))
    return bytes(patched)


def has_position(exif: bytes) -> bool:
    """Whether the block says where the picture was taken."""
    return _GPS_IFD in _first_entries(exif)[1]


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Horizontal and vertical resolution in dots per inch; None if the block has none."""
    order, entries = _first_entries(exif)
    unit = entries.get(_DPI_UNIT)
    numbers = unit.numbers(order) if unit is not None else (2,)
    factor = _UNITS.get(numbers[0]) if numbers else None
    pairs = [entries[tag].numbers(order)[:2] for tag in (_X_DPI, _Y_DPI) if _is_ratio(entries, tag)]
    if factor is None or len(pairs) < 2 or not all(bottom for _, bottom in pairs):
        return None
    return plausible_dpi(*(factor * top / bottom for top, bottom in pairs))


def description(exif: bytes | None) -> bytes:
    """The title or caption in the block; empty if there is none."""
    entry = _first_entries(exif)[1].get(_DESCRIPTION)
    return entry.value.rstrip(b"\0 ") if entry is not None and entry.type == 2 else b""


def described_exif(
    exif: bytes | None, dpi: tuple[float, float] | None, caption: bytes | None
) -> bytes | None:
    """The block with resolution and caption, for formats that have no other place for them.

    The first directory is rewritten at the end of the block. A resolution that the block already
    has is not repeated, and an existing caption is kept.
    """
    fields: dict[int, tuple[int, int, bytes]] = {}
    try:
        order, big, first = parse_header(exif) if exif else ("<", False, 0)
    except TiffError:
        return exif
    if exif and first + 2 > len(exif):  # it is cut off before its first directory
        return exif
    own = resolution(exif)
    if dpi and not (own and np.allclose(own, dpi, rtol=0.002)):
        for tag, value in zip((_X_DPI, _Y_DPI), dpi):
            fields[tag] = 5, 1, struct.pack(order + "II", round(value * 10000), 10000)
        fields[_DPI_UNIT] = 3, 1, struct.pack(order + "H", 2)
    if caption and not description(exif):
        fields[_DESCRIPTION] = 2, len(caption) + 1, caption + b"\0"
    if not fields or big:
        return exif
    block = exif or b"II*\0" + bytes(4)
    kept: dict[int, bytes] = {}
    following = bytes(4)
    if exif:
        (count,) = struct.unpack_from(order + "H", exif, first)
        rows = [exif[at : at + 12] for at in range(first + 2, first + 2 + 12 * count, 12)]
        kept = {struct.unpack(order + "H", row[:2])[0]: row for row in rows if len(row) == 12}
        following = exif[first + 2 + 12 * count :][:4].ljust(4, b"\0")
    block += b"\0" * (len(block) % 2)
    values_at = len(block) + 2 + 12 * len(kept.keys() | fields.keys()) + 4
    values = b""
    for tag, (kind, count, content) in fields.items():
        row = struct.pack(order + "HHI", tag, kind, count)
        if len(content) <= 4:
            kept[tag] = row + content.ljust(4, b"\0")
        else:
            kept[tag] = row + struct.pack(order + "I", values_at + len(values))
            values += content + b"\0" * (len(content) % 2)
    directory = struct.pack(order + "H", len(kept)) + b"".join(kept[tag] for tag in sorted(kept))
    start = block[:4] + struct.pack(order + "I", len(block))
    return start + block[8:] + directory + following + values


def without_orientation(exif: bytes) -> bytes:
    """The block without its orientation; with one, Pillow would rewrite the block of an AVIF."""
    try:
        order, big, first = parse_header(exif)
    except TiffError:
        return exif
    if big or first + 2 > len(exif):
        return exif
    (count,) = struct.unpack_from(order + "H", exif, first)
    end = first + 2 + 12 * count + 4
    rows = [exif[at : at + 12] for at in range(first + 2, end - 4, 12)]
    kept = [row for row in rows if row[:2] != struct.pack(order + "H", _ORIENTATION)]
    if end > len(exif) or len(kept) == len(rows):
        return exif
    directory = struct.pack(order + "H", len(kept)) + b"".join(kept) + exif[end - 4 : end]
    return exif[:first] + directory.ljust(end - first, b"\0") + exif[end:]


def _first_entries(exif: bytes | None) -> tuple[str, dict[int, Entry]]:
    try:
        order, big, first = parse_header(exif or b"")
        return order, read_ifd(exif or b"", order, first, big)[0]
    except TiffError:
        return "<", {}


def _is_ratio(entries: dict[int, Entry], tag: int) -> bool:
    return tag in entries and entries[tag].type == 5 and entries[tag].count > 0


def resized_exif(exif: bytes, width: int, height: int) -> bytes:
    """The block with new values in the tags that hold the picture's size, and no other change."""
    patched = bytearray(exif)
    try:
        order, big, first = parse_header(exif)
        entries, _ = read_ifd(exif, order, first, big)
        if _EXIF_IFD in entries:
            inner, _ = read_ifd(exif, order, entries[_EXIF_IFD].numbers(order)[0], big)
            entries = {**entries, **inner}
        for tags, number in ((_WIDTHS, width), (_HEIGHTS, height)):
            for tag in tags:
                if tag in entries and entries[tag].count:
                    entries[tag].overwrite(patched, order, number)
    except (TiffError, struct.error):  # unreadable, or a number too large for its field
        return exif
    return bytes(patched)


def upright_xmp(xmp: bytes) -> bytes:
    """The packet with ``tiff:Orientation`` set to 1.

    Thumbnails and mentions of parts that results do not have, such as gain maps, are removed.
    """
    return without_absent_parts(_XMP_ORIENTATION.sub(rb"\g<1>1", xmp))


def turn_upright(picture: np.ndarray, flag: int) -> np.ndarray:
    """Apply an EXIF orientation to ``[H, W]`` or ``[H, W, C]``.

    For flags 5-8, rows and columns are swapped. After that, the picture is mirrored vertically,
    horizontally, both ways or not at all (EXIF 2.32, table 6).
    """
    if flag >= 5:
        picture = picture.swapaxes(0, 1)
    if flag in (3, 4, 7, 8):
        picture = picture[::-1]
    if flag in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)
