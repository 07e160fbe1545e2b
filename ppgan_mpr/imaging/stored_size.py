"""Sizes in the headers of PAM, Sun raster, JPEG 2000, WebP and AVIF files, read without a decoder.

OpenCV decodes such a file where Pillow cannot, or would keep only 8 bits per sample. The size is
checked before that.

References: netpbm's pam(5); Sun's rasterfile(5); ISO/IEC 15444-1, A.5.1 (SIZ); WebP container
specification; ISO/IEC 23008-12, 6.5.3 (ispe) and 6.5.6 (pixi).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..errors import ImageError
from .tiff_tags import Buffer

_START = 1 << 16  # bytes in which a header must end
_FLOATING_POINT = {
    b"#?R": "Radiance picture",
    b"\x76\x2f\x31\x01": "OpenEXR picture",
    b"PF": "PFM picture",
    b"Pf": "PFM picture",
}
_PAM_NUMBERS = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
_CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: SOC and SIZ
_SMALLEST = 30  # bytes of a WebP header


class StoredSize(NamedTuple):
    """Size and sample layout of a picture, as its header states them.

    Attributes:
        width, height: in pixels, as stored.
        channels: samples per pixel.
        itemsize: bytes per sample: 1 or 2.
    """

    width: int
    height: int
    channels: int
    itemsize: int


def refuse_floating_point(data: Buffer) -> None:
    """Refuse formats whose samples are floating-point numbers, before they are decoded.

    Raises:
        ImageError: it is a Radiance, OpenEXR or PFM file.
    """
    start = bytes(data[:4])
    for signature, kind in _FLOATING_POINT.items():
        if start.startswith(signature):
            raise ImageError(
                f"it is a {kind} of floating-point numbers: convert it to 16 bits per sample first"
            )


def stored_size(data: Buffer) -> StoredSize | None:
    """The size in the header of a PAM, Sun raster, JPEG 2000, WebP or AVIF file.

    Args:
        data: the whole file, or at least its first 64 KiB.

    Returns:
        The size; None for another format or a damaged header.
    """
    start = bytes(data[:_START])
    try:
        if start.startswith(b"P7"):
            return _pam_size(start)
        if start.startswith(b"\x59\xa6\x6a\x95"):
            return _sun_size(start)
        if start.startswith((_CODESTREAM, b"\0\0\0\x0cjP")):
            return _jpeg2000_size(data)
        if start.startswith(b"RIFF") and start[8:12] == b"WEBP" and len(start) >= _SMALLEST:
            return _webp_size(start)
        if start[4:8] == b"ftyp":
            return _avif_size(start)
    except (ValueError, IndexError, struct.error):  # the header ends early or is damaged
        pass
    return None


def _pam_size(start: bytes) -> StoredSize | None:
    numbers: dict[bytes, int] = {}
    for line in start.split(b"\n")[1:]:
        words = line.split()
        if not words or words[0].startswith(b"#"):
            continue
        if words[0] == b"ENDHDR":
            break
        if words[0] in _PAM_NUMBERS and len(words) == 2 and words[0] not in numbers:
            numbers[words[0]] = int(words[1])
        elif words[0] != b"TUPLTYPE":
            return None
    else:
        return None
    if len(numbers) < len(_PAM_NUMBERS):
        return None
    width, height, channels, top = (numbers[name] for name in _PAM_NUMBERS)
    return StoredSize(width, height, channels, 2 if top > 255 else 1)


def _sun_size(start: bytes) -> StoredSize:
    width, height, bits, _, _, colour_map, _ = struct.unpack_from(">7I", start, 4)
    return StoredSize(width, height, 1 if bits <= 8 and not colour_map else 3, 1)


def _jpeg2000_size(data: Buffer) -> StoredSize | None:
    place = data.find(_CODESTREAM)
    if place < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, place + 8)
    (channels,) = struct.unpack_from(">H", data, place + 40)
    bits = max(data[place + 42 + 3 * number] & 0x7F for number in range(channels)) + 1
    return StoredSize(right - left, bottom - top, channels, 2 if bits > 8 else 1)


def _webp_size(start: bytes) -> StoredSize | None:
    kind = start[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        packed = int.from_bytes(start[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (number & 0x3FFF for number in struct.unpack_from("<2H", start, 26))
    else:
        return None
    return StoredSize(width, height, 4, 1)


def _avif_size(start: bytes) -> StoredSize | None:
    """The largest size of any picture in the file, and the depth that its first pixi box states."""
    sizes, position = [], start.find(b"ispe")
    while position >= 0:
        width, height = struct.unpack_from(">2I", start, position + 8)
        sizes.append((width * height, width, height))
        position = start.find(b"ispe", position + 4)
    if not sizes:
        return None
    pixi = start.find(b"pixi")
    deep = pixi >= 0 and any(bits > 8 for bits in start[pixi + 9 : pixi + 9 + start[pixi + 8]])
    return StoredSize(*max(sizes)[1:], 4, 2 if deep else 1)
