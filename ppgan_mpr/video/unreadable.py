"""Says why a file cannot be opened as a video."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from ..imaging.decode import SIGNATURE_BYTES, is_heif, recognised
from ..imaging.raw import begins_as_raw

# Boxes that an MP4 or MOV file may begin with.
_FIRST_BOXES = (b"ftyp", b"free", b"mdat", b"moov", b"pnot", b"skip", b"wide")
_MOST_BOXES = 10_000  # boxes read before giving up; usually fewer than ten precede the index


def reason_unreadable(path: Path) -> str | None:
    """Why FFmpeg has found no video in a file.

    Args:
        path: the file.

    Returns:
        The reason without a full stop, for an error message; None if it is unknown.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        nbytes = file.seek(0, os.SEEK_END)
        if not nbytes:
            return "it is empty"
        file.seek(0)
        if _begins_as_picture(file.read(SIGNATURE_BYTES)):
            return "it is a picture, not a video: give it the suffix of its format, such as .jpg"
        index = _state_of_index(file, nbytes)
    return f"its index is {index}: the file is cut off" if index else None


def _begins_as_picture(start: bytes) -> bool:
    """Whether a file begins with a signature that pictures have and videos do not."""
    if start[:4] == b"RIFF":  # AVI or WebP
        return start[8:12] == b"WEBP"
    if start[4:8] == b"ftyp":  # MP4, HEIF, AVIF or Canon's CR3
        return is_heif(start) or start[8:12] == b"avif" or begins_as_raw(start)
    return recognised(start, suffix="")


def _state_of_index(file: BinaryIO, nbytes: int) -> str | None:
    """``missing`` or ``incomplete`` if an MP4 or MOV file lacks its index, the box ``moov``."""
    position = 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:  # the end of the file
            return "missing" if position else None
        size, kind = struct.unpack(">I4s", head[:8])
        if not position and kind not in _FIRST_BOXES:
            return None
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack(">Q", head[8:])
        if kind == b"moov":
            return "incomplete" if position + size > nbytes else None
        if not size:  # the box ends with the file
            return "missing"
        if size < 8:
            return None
        position += size
    return None
