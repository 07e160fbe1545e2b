"""Thumbnails and previews in EXIF blocks, which would show the picture before restoration."""

from __future__ import annotations

import struct

from .tiff_tags import TiffError, read_ifd

_JPEG, _JPEG_LENGTH, _STRIPS = 0x0201, 0x0202, 0x0111
_START = b"\xff\xd8\xff"  # of a JPEG
_SEGMENTS = (b"\xdb", b"\xe0", b"\xe1")  # possible first segments: tables, JFIF, EXIF


def remove_thumbnail(block: bytearray, order: str, pointer: int, turned: bool) -> None:
    """Remove the thumbnail of an EXIF block; everything else keeps its position.

    Args:
        block: changed in place.
        order: ``'<'`` or ``'>'``.
        pointer: where the offset of the second directory, the thumbnail's, is stored.
        turned: remove the directory even if no thumbnail is found in it.
    """
    (second,) = struct.unpack_from(order + "I", block, pointer)
    place = _place(block, order, second)
    if place is None and not turned:
        return
    struct.pack_into(order + "I", block, pointer, 0)
    if place:
        start, end = place
        block[start:end] = bytes(end - start)
        if not any(block[start:]):  # nothing follows it
            del block[start:]


def has_preview(exif: bytes) -> bool:
    """Whether the block still holds a JPEG: a preview in the maker note.

    Makers do not publish how to find and replace it.
    """
    return any(_START + segment in exif for segment in _SEGMENTS)


def _place(block: bytearray, order: str, second: int) -> tuple[int, int] | None:
    """Start and end of a JPEG thumbnail, ``(0, 0)`` for one of another kind, None for none."""
    try:
        entries, _ = read_ifd(block, order, second)
    except TiffError:
        return None
    if _JPEG in entries and _JPEG_LENGTH in entries:
        numbers = [entries[tag].numbers(order)[:1] for tag in (_JPEG, _JPEG_LENGTH)]
        if all(numbers):
            start, length = (int(number[0]) for number in numbers)
            if 8 <= start <= start + length <= len(block) and block.startswith(_START, start):
                return start, start + length
    return (0, 0) if entries.keys() & {_JPEG, _STRIPS} else None
