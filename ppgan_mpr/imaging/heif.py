"""Size, colour description and auxiliary pictures of AVIF and HEIF files.

References: ISO/IEC 14496-12 (meta, iprp, ipma), 12.1.5 (colr); ISO/IEC 23008-12, 6.5 (ispe, clap,
irot, pixi); MIAF (ISO/IEC 23000-22).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .boxes import find, walk
from .stored_size import StoredSize
from .tiff_tags import Buffer

# Prefix of an auxiliary picture's type, and its description.
_AUXILIARY = (
    (b"urn:com:apple:photo:2020:aux:hdrgainmap", "the gain map (HDR rendition)"),
    (b"urn:mpeg:hevc:2015:auxid:2", "the depth map"),
    (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth", "the depth map"),
    (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "the portrait matte"),
)
_UNSPECIFIED = 2
# Transfer functions that programs show with sRGB's curve: BT.709, BT.601, sRGB and BT.2020 (two).
_VIDEO_CURVES = (1, 6, 13, 14, 15)


def nclx(data: Buffer) -> tuple[int, int] | None:
    """Colour primaries and transfer function of the primary picture; None if sRGB or not given."""
    for start in _colour_boxes(data):
        if data[start : start + 4] == b"nclx":
            return described(*struct.unpack_from(">HH", data, start + 4))
    return None


def described(primaries: int, transfer: int) -> tuple[int, int] | None:
    """The code points in the form of ``Metadata.cicp``; None for those of sRGB."""
    known_primaries = primaries not in (1, _UNSPECIFIED)
    known_transfer = transfer not in (*_VIDEO_CURVES, _UNSPECIFIED)
    return (primaries, transfer) if known_primaries or known_transfer else None


def with_nclx(data: memoryview, cicp: tuple[int, int]) -> bytes:
    """Replace the colour primaries and the transfer function that an AVIF file names.

    They are in the nclx box, which takes precedence over the AV1 data (MIAF, 7.3.6.4).
    """
    patched = bytearray(data)
    for start in _colour_boxes(patched):
        if patched[start : start + 4] == b"nclx":
            struct.pack_into(">HH", patched, start + 4, *cicp)
    return bytes(patched)


def auxiliary(data: Buffer) -> tuple[str, ...]:
    """Descriptions of the auxiliary pictures in the file."""
    place = find(data, b"meta")
    if place is None:
        return ()
    header = bytes(data[place[0] : place[1]])
    found = [words for name, words in _AUXILIARY if name in header]
    if b"tmap" in header:  # a gain map of ISO 21496-1
        found.append("the gain map (HDR rendition)")
    return tuple(dict.fromkeys(found))


def upright_size(data: Buffer) -> StoredSize | None:
    """The size of the primary picture after cropping and turning; None if it is not given."""
    properties, own = find(data, b"meta", b"iprp", b"ipco"), _primary_properties(data)
    if properties is None:
        return None
    boxes: dict[bytes, int] = {}
    for index, (kind, start, _) in enumerate(walk(data, *properties), 1):
        if own is None or index in own:
            boxes.setdefault(kind, start)
    if b"ispe" not in boxes:
        return None
    width, height = struct.unpack_from(">2I", data, boxes[b"ispe"] + 4)
    if b"clap" in boxes:  # clean aperture: fractions
        numbers = struct.unpack_from(">4I", data, boxes[b"clap"])
        width, height = (max(1, round(numbers[at] / max(1, numbers[at + 1]))) for at in (0, 2))
    if b"irot" in boxes and data[boxes[b"irot"]] & 1:  # a quarter turn
        width, height = height, width
    bits = 8
    if b"pixi" in boxes:
        bits = data[boxes[b"pixi"] + 5]
    return StoredSize(width, height, 3, 2 if bits > 8 else 1)


def _colour_boxes(data: Buffer) -> Iterator[int]:
    """Starts of the contents of the primary picture's colour boxes."""
    properties = find(data, b"meta", b"iprp", b"ipco")
    if properties is None:
        return
    own = _primary_properties(data)
    for index, (kind, start, end) in enumerate(walk(data, *properties), 1):
        if kind == b"colr" and end - start >= 8 and (own is None or index in own):
            yield start


def _primary_properties(data: Buffer) -> set[int] | None:
    """Indices of the primary picture's properties; None if the file does not list them."""
    primary, links = find(data, b"meta", b"pitm"), find(data, b"meta", b"iprp", b"ipma")
    if primary is None or links is None:
        return None
    try:
        wide = data[primary[0]] > 0
        (item,) = struct.unpack_from(">I" if wide else ">H", data, primary[0] + 4)
        version, flags = data[links[0]], data[links[0] + 3]
        (entries,) = struct.unpack_from(">I", data, links[0] + 4)
        position = links[0] + 8
        for _ in range(min(entries, links[1] - links[0])):
            (current,) = struct.unpack_from(">I" if version else ">H", data, position)
            position += 4 if version else 2
            count = data[position]
            code, size = (">%dH", 2) if flags & 1 else (">%dB", 1)
            numbers = struct.unpack_from(code % count, data, position + 1)
            position += 1 + size * count
            if current == item:
                return {number & (0x7FFF if size == 2 else 0x7F) for number in numbers}
    except (struct.error, IndexError):
        pass
    return None
