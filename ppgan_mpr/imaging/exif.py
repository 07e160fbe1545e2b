"""The orientation in EXIF and XMP metadata: reading it, applying it, setting it to upright.

A photo is turned upright when it is read, so its metadata must say "upright" when it is written.
Only the bytes of the flag are changed: maker notes hold offsets into the block, and rewriting it
would break them.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from .tiff_tags import Buffer, TiffError, parse_header, read_ifd

_ORIENTATION = 0x0112
_EXIF_IFD = 34665
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)  # of the file, of the Exif directory
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def orientation(exif: Buffer | None, xmp: bytes | None) -> int:
    """The orientation 1-8 in EXIF, else in XMP; 1 (upright) where neither holds a valid one.

    Args:
        exif: an EXIF block, or a TIFF file, which is laid out alike.
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
    """The block with its orientation set to 1; all other bytes but one pointer are unchanged.

    The embedded thumbnail is not turned, so a block whose flag changes loses the pointer to it;
    viewers then make their own from the picture.
    """
    try:
        order, big, first = parse_header(exif)
        entries, next_pointer = read_ifd(exif, order, first, big)
    except TiffError:
        return exif
    entry = entries.get(_ORIENTATION)
    if entry is None or not entry.count or not 2 <= entry.numbers(order)[0] <= 8:
        return exif
    patched = bytearray(exif)
    entry.overwrite(patched, order, 1)
    if next_pointer is not None:
        struct.pack_into(order + "I", patched, next_pointer, 0)
    return bytes(patched)


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
    except (TiffError, struct.error):  # no size in it, or a number too large for its field
        return exif
    return bytes(patched)


def upright_xmp(xmp: bytes) -> bytes:
    """The packet with ``tiff:Orientation`` set to 1, its length unchanged."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def turn_upright(picture: np.ndarray, flag: int) -> np.ndarray:
    """Apply an EXIF orientation to ``[H, W]`` or ``[H, W, C]``.

    Flags 5-8 store the picture transposed; the rest are flips (EXIF 2.32, table 6).
    """
    if flag >= 5:
        picture = picture.swapaxes(0, 1)
    if flag in (3, 4, 7, 8):
        picture = picture[::-1]
    if flag in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)
