"""Photoshop's image resources, such as captions, copyright flag and paths.

Reference: Adobe Photoshop file formats specification, "Image resource blocks".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

IPTC = 1028
# Resources that are not copied, as results store them elsewhere or as they show the picture before
# restoration: resolution, IPTC, thumbnails, colour profile, EXIF, XMP.
_NOT_COPIED = {1005, IPTC, 1033, 1036, 1039, 1058, 1059, 1060}


def walk(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, data and the whole block of each resource; stops at a damaged one."""
    position = 0
    while content[position : position + 4] == b"8BIM" and position + 12 <= len(content):
        (number,) = struct.unpack_from(">H", content, position + 4)
        name = content[position + 6] + 1
        start = position + 6 + name + name % 2
        if start + 4 > len(content):
            return
        (length,) = struct.unpack_from(">I", content, start)
        data = content[start + 4 : start + 4 + length]
        if len(data) < length:
            return
        end = start + 4 + length + length % 2
        yield number, data, content[position:end].ljust(end - position, b"\0")
        position = end


def find(content: bytes, wanted: int) -> bytes | None:
    """The data of the first resource whose number is ``wanted``."""
    return next((data for number, data, _ in walk(content) if number == wanted), None)


def resource(number: int, data: bytes) -> bytes:
    """An unnamed resource, padded to an even length."""
    block = struct.pack(">4sHHI", b"8BIM", number, 0, len(data)) + data
    return block + b"\0" * (len(block) % 2)


def carried(content: bytes | None) -> bytes | None:
    """The resources that also apply to a result and are not stored elsewhere in it."""
    return b"".join(block for n, _, block in walk(content or b"") if n not in _NOT_COPIED) or None
