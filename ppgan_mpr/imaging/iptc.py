"""IPTC captions in the image resource that Photoshop keeps them in."""

from __future__ import annotations

import struct

RESOURCE = 0x0404  # number of the image resource


def iptc_resource(iptc: bytes) -> bytes:
    """The record as an image resource without a name, of an even length."""
    resource = struct.pack(">4sHHI", b"8BIM", RESOURCE, 0, len(iptc)) + iptc
    return resource + b"\0" * (len(resource) % 2)


def iptc_of(content: bytes | None) -> bytes | None:
    """The record in image resources, or ``content`` itself where it is a record already."""
    if not content or content[:4] != b"8BIM":
        return content or None
    position = 0
    while content[position : position + 4] == b"8BIM" and position + 12 <= len(content):
        (number,) = struct.unpack_from(">H", content, position + 4)
        name = content[position + 6] + 1
        start = position + 6 + name + name % 2
        if start + 4 > len(content):
            return None
        (length,) = struct.unpack_from(">I", content, start)
        if number == RESOURCE:
            return content[start + 4 : start + 4 + length]
        position = start + 4 + length + length % 2
    return None
