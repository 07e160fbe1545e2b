"""The colour profile and the XMP packet of GIF files, which Pillow does not read.

References: GIF89a, sections 15 to 27; XMP specification, part 3, 1.1.2.
"""

from __future__ import annotations

from dataclasses import replace

from .photo import Metadata
from .tiff_tags import Buffer

_EXTENSION, _APPLICATION, _PICTURE = 0x21, 0xFF, 0x2C
_PROFILE, _XMP = b"ICCRGBG1012", b"XMP DataXMP"
# Bytes of the "magic trailer" after an XMP packet. The packet is not divided into blocks. Programs
# that skip blocks end up in the trailer, which leads them to the end of the extension.
_TRAILER = 258


def with_extensions(data: Buffer, metadata: Metadata) -> Metadata:
    """Add the metadata in the application extensions to those that Pillow found."""
    profile, xmp = metadata.icc_profile, metadata.xmp
    try:
        position = 13 + _table(data[10])
        while data[position] in (_EXTENSION, _PICTURE):
            if data[position] == _PICTURE:
                position = _after_blocks(data, position + 11 + _table(data[position + 9]))
                continue
            start, end = position + 2, _after_blocks(data, position + 2)
            if data[position + 1] == _APPLICATION and data[start] == 11:
                name, start = bytes(data[start + 1 : start + 12]), start + 12
                if name == _PROFILE:
                    profile = profile or _joined(data, start) or None
                elif name == _XMP and end - start > _TRAILER:
                    xmp = xmp or bytes(data[start : end - _TRAILER])
            position = end
    except IndexError:  # the file ends early; Pillow reports that if it matters
        pass
    return replace(metadata, icc_profile=profile, xmp=xmp)


def _table(flags: int) -> int:
    """Length in bytes of the colour table that the flags describe."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _after_blocks(data: Buffer, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1


def _joined(data: Buffer, position: int) -> bytes:
    blocks = []
    while data[position]:
        blocks.append(bytes(data[position + 1 : position + 1 + data[position]]))
        position += 1 + data[position]
    return b"".join(blocks)
