"""The metadata of JPEG 2000 files, which Pillow neither reads nor writes.

References: ISO/IEC 15444-1, annex I (colour, resolution); XMP specification, part 3; EXIF in the
UUID box that Adobe's programs and ExifTool use.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from .boxes import box, walk
from .photo import Metadata
from .tiff_tags import Buffer

_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_ENUMERATED, _RESTRICTED, _ANY = 1, 2, 3  # methods of a colour specification
_OWN_COMMENT = b"Created by OpenJPEG"  # the encoder's, not the photographer's


def with_boxes(data: Buffer, metadata: Metadata) -> Metadata:
    """Complete the metadata that Pillow found with those in the boxes that it skips."""
    found: dict[str, bytes] = {}
    for kind, start, end in walk(data):
        if kind == b"jp2h":
            for inner, first, last in walk(data, start, end):
                if inner == b"colr" and data[first] in (_RESTRICTED, _ANY):
                    found.setdefault("icc_profile", bytes(data[first + 3 : last]))
        elif kind == b"uuid":
            name = {_EXIF: "exif", _XMP: "xmp", _IPTC: "iptc"}.get(bytes(data[start : start + 16]))
            if name is not None:
                found.setdefault(name, bytes(data[start + 16 : end]))
    if found.get("exif", b"").startswith(b"Exif\0\0"):
        found["exif"] = found["exif"][6:]
    comment = metadata.comment
    if comment is not None and comment.startswith(_OWN_COMMENT):
        comment = None
    return replace(
        metadata,
        comment=comment,
        icc_profile=found.get("icc_profile", metadata.icc_profile),
        exif=found.get("exif", metadata.exif),
        xmp=found.get("xmp", metadata.xmp),
        iptc=found.get("iptc", metadata.iptc),
    )


def with_metadata(jp2: memoryview, metadata: Metadata) -> bytes:
    """Add colour profile, resolution, EXIF, XMP and IPTC to a JPEG 2000 file."""
    parts = []
    for kind, start, end in walk(jp2):
        content = bytes(jp2[start:end])
        parts.append(box(kind, _header(content, metadata) if kind == b"jp2h" else content))
    # After the picture: Pillow finds the comment only if the picture follows the header.
    for name, value in ((_EXIF, metadata.exif), (_XMP, metadata.xmp), (_IPTC, metadata.iptc)):
        if value:
            parts.append(box(b"uuid", name + value))
    return b"".join(parts)


def _header(content: bytes, metadata: Metadata) -> bytes:
    inner = [(kind, content[start:end]) for kind, start, end in walk(content)]
    if metadata.icc_profile:
        colour = bytes([_RESTRICTED, 0, 0]) + metadata.icc_profile
        inner = [(kind, colour if kind == b"colr" else body) for kind, body in inner]
    if metadata.dpi:
        inner = [item for item in inner if item[0] != b"res "]
        inner.append((b"res ", _resolution(metadata.dpi)))
    return b"".join(box(kind, body) for kind, body in inner)


def _resolution(dpi: tuple[float, float]) -> bytes:
    """Vertical and horizontal dots per metre, as captured and for display."""
    ratios, exponents = b"", b""
    for value in (dpi[1], dpi[0]):
        exponent = 2 if value < 655 else 3 if value < 6553 else 4
        # value / 0.0254 as a fraction of 16-bit numbers times a power of ten
        ratios += struct.pack(">HH", round(value * 10 ** (4 - exponent)), 254)
        exponents += bytes([exponent])
    return box(b"resc", ratios + exponents) + box(b"resd", ratios + exponents)
