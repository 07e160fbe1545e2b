"""Decides which files may be decoded in this process: ordinary JPEG and 8-bit PNG.

libjpeg and zlib decode them. These are the most thoroughly tested decoders there are, and their
time and memory follow from the file's header. The decision needs no decoder: it looks at bytes.
"""

from __future__ import annotations

import struct

from . import png_chunks

SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))
MAX_BYTES = 1 << 28  # larger files are not examined
_MAX_METADATA = 1 << 20
_MAX_SCANS = 64  # progressive JPEGs usually have ten; each is a pass over the whole picture
_MAX_PROGRESSIVE = 1 << 24  # pixels; their coefficients take up to 100 MB
_SCAN = b"\xff\xda"


def is_ordinary(data: bytes) -> bool:
    """Whether a file is an 8-bit PNG or a common JPEG, with little metadata.

    Args:
        data: the whole file.
    """
    if data.startswith(png_chunks.SIGNATURE):
        return _is_ordinary_png(data)
    return data.startswith(b"\xff\xd8\xff") and _is_ordinary_jpeg(data)


def _is_ordinary_png(data: bytes) -> bool:
    metadata = 0
    try:
        for kind, start, end in png_chunks.walk(data):
            metadata += 0 if kind == b"IDAT" else 12 + end - start
            if metadata > _MAX_METADATA or (kind == b"IHDR" and data[start + 8] > 8):
                return False
    except (ValueError, IndexError, struct.error):
        return False
    return True


def _is_ordinary_jpeg(data: bytes) -> bool:
    """Whether it is baseline or small progressive, with 1 or 3 components and few scans."""
    position, usual_frame = 2, False
    while data[position : position + 1] == b"\xff" and position + 10 <= len(data):
        marker = data[position : position + 2]
        if marker == b"\xff\xff":  # padding
            position += 1
            continue
        if position > _MAX_METADATA:
            return False
        if marker == _SCAN:
            return usual_frame and data.count(_SCAN) <= _MAX_SCANS
        if marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2"):
            usual_frame = data[position + 4] == 8 and data[position + 9] in (1, 3)
            height, width = struct.unpack_from(">HH", data, position + 5)
            if marker == b"\xff\xc2" and width * height > _MAX_PROGRESSIVE:
                return False
        (length,) = struct.unpack_from(">H", data, position + 2)
        position += 2 + length
    return False
