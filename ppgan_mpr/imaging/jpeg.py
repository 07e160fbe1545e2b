"""The JPEG metadata that Pillow does not write: XMP and IPTC."""

from __future__ import annotations

import struct

from .photo import Metadata

IPTC_RESOURCE = 0x0404  # number of the Photoshop image resource
XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"  # of the APP1 segment's content


def with_metadata(jpeg: memoryview, metadata: Metadata) -> bytes | memoryview:
    """Insert XMP and IPTC after the JFIF and EXIF segments (XMP specification, part 3)."""
    segments = []
    if metadata.xmp:
        segments.append((b"\xff\xe1", XMP_PREFIX + metadata.xmp))
    if metadata.iptc:  # an image resource without a name, of an even length
        resource = struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(metadata.iptc))
        resource += metadata.iptc
        segments.append((b"\xff\xed", b"Photoshop 3.0\0" + resource + b"\0" * (len(resource) % 2)))
    if not segments:
        return jpeg
    position = 2
    while jpeg[position : position + 2] in (b"\xff\xe0", b"\xff\xe1"):
        position += 2 + struct.unpack_from(">H", jpeg, position + 2)[0]
    inserted = [mark + struct.pack(">H", len(body) + 2) + body for mark, body in segments]
    return b"".join([jpeg[:position], *inserted, jpeg[position:]])
