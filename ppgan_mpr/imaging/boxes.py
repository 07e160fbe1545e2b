"""The boxes that JPEG 2000, AVIF and HEIF files consist of (ISO/IEC 15444-1, I.4; 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .tiff_tags import Buffer


def walk(
    data: Buffer | memoryview, start: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Type, content start and content end of each box between two positions.

    Stops at a damaged box. A box that reaches beyond ``end`` is cut off there.
    """
    position, end = start, len(data) if end is None else min(end, len(data))
    while position + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, position)
        content = position + 8
        if length == 1 and position + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = position + length if length else end
        if stop < content:
            return
        yield kind, content, min(stop, end)
        position = stop


def find(data: Buffer, *path: bytes) -> tuple[int, int] | None:
    """Start and end of the content of the first box at a path, such as ``b"jp2h", b"colr"``."""
    start, end = 0, len(data)
    for name in path:
        for kind, first, last in walk(data, start, end):
            if kind == name:
                start, end = first, last
                break
        else:
            return None
        if name == b"meta":  # a full box: version and flags come first
            start += 4
    return start, end


def box(kind: bytes, content: bytes) -> bytes:
    """The bytes of a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
