"""Image file directories: the tag lists of TIFF files and EXIF blocks (TIFF 6.0, section 2)."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any, Union

from ..errors import ImageError

# Types that hold the content of a file.
Buffer = Union[bytes, bytearray, mmap.mmap]

# Field type -> size in bytes and struct code: BYTE, ASCII, SHORT, LONG, RATIONAL, ..., LONG8.
_TYPES = {
    1: (1, "B"), 2: (1, "B"), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"),
    7: (1, "B"), 8: (2, "h"), 9: (4, "i"), 10: (8, "ii"), 11: (4, "f"), 12: (8, "d"),
    13: (4, "I"), 16: (8, "Q"), 17: (8, "q"), 18: (8, "Q"),
}  # fmt: skip
# First four bytes -> byte order, BigTIFF.
MAGICS = {
    b"II*\0": ("<", False),
    b"MM\0*": (">", False),
    b"II+\0": ("<", True),
    b"MM\0+": (">", True),
}
# Tags whose value is the offset of another directory: EXIF, GPS, interoperability.
SUB_IFDS = (34665, 34853, 40965)
_OVERLAPPING = 1 << 26  # bytes that values may share; in honest files they share none


class TiffError(Exception):
    """The bytes are not a readable TIFF structure."""


class Allowance:
    """Limits how many bytes of values are copied, because many tags can point to the same bytes.

    Args:
        data: the file that holds the values.
    """

    def __init__(self, data: Buffer):
        self._total = self._left = len(data) + _OVERLAPPING

    def take(self, nbytes: int) -> None:
        """Count bytes that are about to be copied.

        Raises:
            ImageError: the limit is exceeded.
        """
        self._left -= nbytes
        if self._left < 0:
            raise ImageError(f"its metadata takes more than {self._total >> 20} MB")


@dataclass(frozen=True)
class Entry:
    """One tag: its value as stored, in the byte order of its file, and its position there."""

    type: int
    count: int
    value: bytes
    offset: int = 0

    def numbers(self, order: str) -> tuple[Any, ...]:
        """The value as integers or floats; a rational is a numerator and a denominator."""
        return struct.unpack(order + _TYPES[self.type][1] * self.count, self.value)

    def overwrite(self, data: bytearray, order: str, number: int) -> None:
        """Replace the (first) number in the data that the entry was read from."""
        struct.pack_into(order + _TYPES[self.type][1][0], data, self.offset, number)


def parse_header(data: Buffer) -> tuple[str, bool, int]:
    """Byte order (``'<'`` or ``'>'``), whether it is a BigTIFF, offset of the first directory.

    Raises:
        TiffError: the data does not begin with a TIFF header.
    """
    order, big = MAGICS.get(bytes(data[:4]), ("", False))
    if not order or len(data) < (16 if big else 8):
        raise TiffError("not a TIFF structure")
    (first,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return order, big, first


def pack_header(order: str, first: int) -> bytes:
    """The first eight bytes of a TIFF structure whose first directory is at offset ``first``."""
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first)


def read_ifd(
    data: Buffer,
    order: str,
    offset: int,
    big: bool = False,
    strict: bool = False,
    allowance: Allowance | None = None,
) -> tuple[dict[int, Entry], int | None]:
    """Read one directory.

    Args:
        data: the bytes that offsets refer to.
        order: ``'<'`` or ``'>'``.
        offset: of the directory.
        big: whether the data is a BigTIFF.
        strict: raise an error for values outside the data instead of leaving them out.
        allowance: shared by several directories; default: one for this directory.

    Returns:
        Its entries by tag, and the position of the pointer to the next directory (None when the
        data ends before it).

    Raises:
        TiffError: the directory is outside the data.
        ImageError: the values take too much memory.
    """
    word, count_code = ("Q", "Q") if big else ("I", "H")  # BigTIFF widens offsets and counts
    inline = struct.calcsize(word)
    count_size, entry_size = struct.calcsize(count_code), 4 + 2 * inline
    if offset < 8 or offset + count_size > len(data):
        raise TiffError(f"no directory at offset {offset}")
    (count,) = struct.unpack_from(order + count_code, data, offset)
    allowance = allowance or Allowance(data)
    entries = {}
    position = offset + count_size
    pointer = position + entry_size * count
    for start in range(position, min(pointer, len(data) - entry_size + 1), entry_size):
        tag, kind, number = struct.unpack_from(order + "HH" + word, data, start)
        if kind not in _TYPES:
            continue
        length = _TYPES[kind][0] * number
        where = start + 4 + inline
        if length > inline:
            (where,) = struct.unpack_from(order + word, data, where)
        if where + length <= len(data):
            allowance.take(length)
            entries[tag] = Entry(kind, number, bytes(data[where : where + length]), where)
        elif strict:
            raise TiffError(f"the value of tag {tag} is outside the data")
    return entries, pointer if pointer + inline <= len(data) else None


def read_tree(
    data: Buffer,
    order: str,
    offset: int,
    big: bool = False,
    depth: int = 3,
    allowance: Allowance | None = None,
) -> dict[int, Any]:
    """Read a directory with the EXIF, GPS and interoperability directories below it.

    Returns:
        tag -> :class:`Entry`, or for the tags in ``SUB_IFDS`` a dict of the same form.
    """
    allowance = allowance or Allowance(data)
    tree: dict[int, Any] = dict(read_ifd(data, order, offset, big, allowance=allowance)[0])
    for tag in SUB_IFDS:
        entry = tree.pop(tag, None)
        if isinstance(entry, Entry) and entry.count == 1 and depth:
            try:
                at = entry.numbers(order)[0]
                tree[tag] = read_tree(data, order, at, big, depth - 1, allowance)
            except TiffError:
                continue  # an invalid pointer does not affect the picture
    return tree


def pack_tree(tree: dict[int, Any], order: str, offset: int) -> bytes:
    """A directory and those below it as bytes, to be placed at ``offset`` (an even number)."""
    values_at = offset + 2 + 12 * len(tree) + 4
    fields, values = [], bytearray()
    for tag in sorted(tree):
        item = tree[tag]
        if isinstance(item, dict):
            where = values_at + len(values)
            values += pack_tree(item, order, where)
            fields.append(struct.pack(order + "HHII", tag, 4, 1, where))
            continue
        field = struct.pack(order + "HHI", tag, item.type, item.count)
        if len(item.value) <= 4:
            field += item.value.ljust(4, b"\0")
        else:
            field += struct.pack(order + "I", values_at + len(values))
            values += item.value + b"\0" * (len(item.value) % 2)
        fields.append(field)
    count = struct.pack(order + "H", len(tree))
    return count + b"".join(fields) + struct.pack(order + "I", 0) + bytes(values)
