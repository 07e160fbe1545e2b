"""EXIF, XMP and IPTC data of cameras' raw files.

Most raw files are TIFF structures (DNG 1.7; TIFF/EP, ISO 12234-2), Canon's CR3 has the same
directories in boxes, and Fujifilm's RAF has them in its preview. Other formats are older than 2010,
and their metadata is not read.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from .boxes import find, walk
from .jpeg import XMP_PREFIX
from .photo import Metadata
from .thumbnails import has_preview
from .tiff import metadata_of
from .tiff_tags import MAGICS, Entry, TiffError, parse_header, read_ifd, read_tree
from .xmp import without_develop_settings

RAF = b"FUJIFILMCCD-RAW"
#: First four bytes of TIFF structures by Olympus and Panasonic -> those of TIFF.
TIFF_LIKE = {b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"MMOR": b"MM\0*", b"IIU\0": b"II*\0"}
_RAF_PREVIEW = 84  # position of the preview's offset and length, big-endian
_CR3_METADATA = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # UUID of a box in "moov"
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # UUID of a box
_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY, _MAKER_NOTE = 34665, 34853, 40965, 37500
_COLOUR_SPACE = 40961
_FIRST_PUBLIC = 254  # tags below are Panasonic's own in RW2
# Tags about the sensor's data: DNG's, colour filter array, original file, embedded profile.
_SENSOR_TAGS = frozenset((*range(50706, 52600), 33421, 33422, 34675))
_NOTES = "the camera maker's notes, which hold a preview of the picture before restoration"


def is_cr3(start: bytes) -> bool:
    """Whether a file begins with the signature of Canon's CR3."""
    return start[4:12] == b"ftypcrx "


def read_metadata(data: bytes) -> Metadata:
    """The metadata of a raw file that also applies to the sRGB picture developed from it.

    Left out are tags about the sensor's data, previews, and the settings of raw converters in XMP,
    which a converter would apply a second time.

    Args:
        data: the whole file.
    """
    try:
        order, tree, xmp = _tree(data)
    except (TiffError, struct.error):
        return Metadata(dropped=("the EXIF data, which is stored in an unknown way",))
    tree = {
        tag: item for tag, item in tree.items() if tag >= _FIRST_PUBLIC and tag not in _SENSOR_TAGS
    }
    tree, without_notes = _without_previews(tree)
    details = tree.get(_EXIF_IFD)
    if isinstance(details, dict):
        details.pop(_INTEROPERABILITY, None)  # may name Adobe RGB
        if _COLOUR_SPACE in details:
            details[_COLOUR_SPACE] = Entry(3, 1, struct.pack(order + "H", 1))  # sRGB
    metadata = metadata_of(tree, order)
    xmp = xmp or metadata.xmp
    dropped = (*metadata.dropped, *((_NOTES,) if without_notes else ()))
    return replace(metadata, xmp=xmp and without_develop_settings(xmp), dropped=dropped)


def _tree(data: bytes) -> tuple[str, dict[int, Any], bytes | None]:
    """Byte order, directories, and the XMP packet if it is stored outside them."""
    if is_cr3(data[:12]):
        return _tree_of_cr3(data)
    if data.startswith(RAF):
        offset, length = struct.unpack_from(">II", data, _RAF_PREVIEW)
        preview = data[offset : offset + length]
        order, tree = _directories(_segment(preview, b"Exif\0\0") or b"")
        return order, tree, _segment(preview, XMP_PREFIX)
    if data[:4] in TIFF_LIKE:
        data = TIFF_LIKE[data[:4]] + data[4:]
    if data[:4] not in MAGICS:
        raise TiffError("no TIFF structure")
    return (*_directories(data), None)


def _directories(block: bytes) -> tuple[str, dict[int, Any]]:
    order, big, first = parse_header(block)
    return order, read_tree(block, order, first, big)


def _segment(jpeg: bytes, prefix: bytes) -> bytes | None:
    """The content after ``prefix`` of a JPEG's first APP1 segment that begins with it."""
    position = 2
    while position + 4 <= len(jpeg):
        marker, length = struct.unpack_from(">HH", jpeg, position)
        if not 0xFFE0 <= marker <= 0xFFEF:  # the metadata segments come first
            break
        if marker == 0xFFE1 and jpeg.startswith(prefix, position + 4):
            return jpeg[position + 4 + len(prefix) : position + 2 + length]
        position += 2 + length
    return None


def _tree_of_cr3(data: bytes) -> tuple[str, dict[int, Any], bytes | None]:
    """The directories of a CR3: each is a TIFF structure in its own box."""
    place = find(data, b"moov")
    if place is None:
        raise TiffError("no metadata")
    blocks: dict[bytes, bytes] = {}
    for kind, start, end in walk(data, *place):
        if kind == b"uuid" and data[start : start + 16] == _CR3_METADATA:
            blocks = {name: data[a:b] for name, a, b in walk(data, start + 16, end)}
    order, tree = _directories(blocks.get(b"CMT1", b""))
    for name, tag in ((b"CMT2", _EXIF_IFD), (b"CMT4", _GPS_IFD)):
        if name in blocks:
            own_order, big, first = parse_header(blocks[name])
            if own_order == order:  # entries are copied without swapping bytes
                tree[tag] = dict(read_ifd(blocks[name], order, first, big)[0])
    packets = (
        data[start + 16 : end]
        for kind, start, end in walk(data)
        if kind == b"uuid" and data[start : start + 16] == _XMP_BOX
    )
    return order, tree, next(packets, None)


def _without_previews(tree: dict[int, Any]) -> tuple[dict[int, Any], bool]:
    """The directories without entries that hold a JPEG; True if the maker's notes held one."""
    kept: dict[int, Any] = {}
    notes = False
    for tag, item in tree.items():
        if isinstance(item, dict):
            kept[tag], inner = _without_previews(item)
            notes |= inner
        elif has_preview(item.value):
            notes |= tag == _MAKER_NOTE
        else:
            kept[tag] = item
    return kept, notes
