"""The chunks that a PNG file consists of (PNG specification, third edition, section 5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Callable

from .tiff_tags import Buffer

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def walk(data: Buffer, stop: bytes | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the body of each chunk, up to IEND.

    Args:
        data: the file, or its beginning.
        stop: end before the first chunk of this type, whose body may be missing.

    Raises:
        ValueError: the file ends early.
    """
    kind, position = b"", len(SIGNATURE)
    while kind != b"IEND":
        if position + 8 > len(data):
            raise ValueError("the file ends before the picture does")
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == stop:
            return
        start, end = position + 8, position + 8 + length
        if end + 4 > len(data):
            raise ValueError("the file ends before the picture does")
        yield kind, start, end
        position = end + 4


def chunk(kind: bytes, body: bytes, crc32: Callable[[bytes, int], int] = zlib.crc32) -> bytes:
    """The bytes of a chunk.

    Args:
        kind: four letters.
        body: its content.
        crc32: computes the checksum; other libraries have faster ones than zlib.
    """
    checksum = crc32(body, crc32(kind, 0))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def is_critical(kind: bytes) -> bool:
    """Whether a picture cannot be decoded without chunks of this type."""
    return not kind[0] & 0x20  # bit 5, counted from 0, is set in ancillary chunks (5.4)
