"""The parts of JPEG files that Pillow does not write: XMP, IPTC, further pictures."""

from __future__ import annotations

import struct

from PIL import Image

from .credentials import CREDENTIALS
from .iptc import iptc_resource
from .photo import Metadata
from .tiff_tags import Buffer

XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"  # of the APP1 segment's content
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
# Marks of a gain map: Ultra HDR, Apple's, ISO 21496-1.
_GAIN_MAPS = (b"hdrgm:Version", b"HDRGainMap", b"hdrgainmap", b"urn:iso:std:iso:ts:21496:-1")
_MPF_ENTRIES = 0xB002
_SEGMENT = 65000  # bytes of image resources per segment
_PHOTOSHOP = b"Photoshop 3.0\0"
# Prefixes of the segments that are read here or that any JPEG has.
_KNOWN = {
    "APP0": (b"JFIF\0", b"JFXX\0"),
    "APP1": (b"Exif\0", XMP_PREFIX, _MORE_XMP),
    "APP2": (b"ICC_PROFILE\0", b"MPF\0", b"urn:iso:std:iso:ts:21496:-1"),
    "APP13": (_PHOTOSHOP,),
    "APP14": (b"Adobe",),
}


def dropped(image: Image.Image, data: Buffer, xmp: bytes | None) -> tuple[str, ...]:
    """Descriptions of file contents that no result keeps, such as a gain map.

    Args:
        image: the file as Pillow has opened it.
        data: the whole file.
        xmp: its XMP packet.
    """
    xmp = xmp or b""
    segments = [body for name, body in getattr(image, "applist", ()) if name in ("APP1", "APP2")]
    announced = xmp + b"".join(body[:64] for body in segments)  # a segment begins with its name
    found = []
    if any(mark in announced for mark in _GAIN_MAPS) or (
        image.format == "MPO" and any(data.find(mark) >= 0 for mark in _GAIN_MAPS)
    ):
        found.append("the gain map (HDR rendition)")
    if b"GDepth:" in xmp:
        found.append("the depth map")
    elif any(body.startswith(_MORE_XMP) for body in segments):
        found.append("the part of the XMP data beyond 64 kB")
    if any(mark in xmp for mark in (b'MotionPhoto="1"', b'MicroVideo="1"')):
        found.append("the video of the motion photo")
    more = _further_pictures(image)
    if more and not found:
        found.append("its second picture" if more == 1 else f"its {more} further pictures")
    return (*found, *_unknown_segments(image))


def _unknown_segments(image: Image.Image) -> tuple[str, ...]:
    """Descriptions of the application segments that are not read."""
    names = []
    for name, body in getattr(image, "applist", ()):
        if name == "COM" or body.startswith(_KNOWN.get(name, ())):
            continue
        if name == "APP11" and b"c2pa" in body[:200]:
            names.append(CREDENTIALS)
        elif name == "APP1" and body.startswith(b"FLIR\0"):
            names.append("the thermal data (FLIR)")
        elif name == "APP11" and names and body.startswith(b"JP"):
            continue  # a further part of the same box
        else:
            label = "".join(filter(str.isalnum, body[:16].partition(b"\0")[0].decode("latin-1")))
            names.append(f"the data of the segment {name}" + f" ({label})" * bool(label))
    return tuple(dict.fromkeys(names))


def comments(image: Image.Image) -> bytes | None:
    """All comments of a JPEG as lines; Pillow's ``info`` has only the last one."""
    bodies = [body for name, body in getattr(image, "applist", ()) if name == "COM"]
    return b"\n".join(body.strip(b"\0 ") for body in bodies) or None


def image_resources(image: Image.Image) -> bytes:
    """Photoshop's image resources, joined from all segments."""
    segments = getattr(image, "applist", ())
    bodies = [b for name, b in segments if name == "APP13" and b.startswith(_PHOTOSHOP)]
    return b"".join(body[len(_PHOTOSHOP) :] for body in bodies)


def _further_pictures(image: Image.Image) -> int:
    """Number of pictures after the first, not counting previews (CIPA DC-007)."""
    if image.format != "MPO":
        return 0
    entries = getattr(image, "mpinfo", {}).get(_MPF_ENTRIES, ())
    kinds = [entry["Attribute"]["MPType"] for entry in entries[1:]]
    return sum(not kind.startswith("Large Thumbnail") for kind in kinds)


def with_metadata(jpeg: memoryview, metadata: Metadata) -> bytes | memoryview:
    """Insert XMP and IPTC after the JFIF and EXIF segments (XMP specification, part 3)."""
    segments = []
    if metadata.xmp:
        segments.append((b"\xff\xe1", XMP_PREFIX + metadata.xmp))
    blocks = metadata.resources or b""
    if metadata.iptc:
        blocks += iptc_resource(metadata.iptc)
    for start in range(0, len(blocks), _SEGMENT):
        segments.append((b"\xff\xed", _PHOTOSHOP + blocks[start : start + _SEGMENT]))
    if not segments:
        return jpeg
    position = 2
    while jpeg[position : position + 2] in (b"\xff\xe0", b"\xff\xe1"):
        position += 2 + struct.unpack_from(">H", jpeg, position + 2)[0]
    inserted = [mark + struct.pack(">H", len(body) + 2) + body for mark, body in segments]
    return b"".join([jpeg[:position], *inserted, jpeg[position:]])
