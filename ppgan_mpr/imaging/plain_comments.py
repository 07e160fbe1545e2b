"""Comments in the headers of netpbm and TGA files, which Pillow skips."""

from __future__ import annotations

import re
import struct

from .tiff_tags import Buffer

_HEADER = 1 << 16  # bytes that are searched for comments
_FIELDS = re.compile(rb"(#[^\n]*)|[^\s#]+")
_PAM_END = b"ENDHDR"
_TGA_MARK = b"TRUEVISION-XFILE.\0"


def netpbm_comment(data: Buffer) -> bytes | None:
    """The comment lines (after ``#``) in the header of a PBM, PGM, PPM or PAM file."""
    start = bytes(data[:_HEADER])
    # Words in the header: magic number, width, height and, except in bitmaps, maxval.
    wanted = {b"P1": 3, b"P4": 3}.get(start[:2], 4)
    lines, words = [], 0
    for found in _FIELDS.finditer(start):
        if found.group(1):
            lines.append(found.group(1)[1:].strip())
            continue
        words += 1
        if found.group() == _PAM_END or (start[:2] != b"P7" and words == wanted):
            break
    return b"\n".join(lines) or None


def netpbm_lines(comment: bytes | None) -> bytes:
    """A comment as lines of a netpbm header."""
    lines = (comment or b"").replace(b"\r", b"\n").split(b"\n")
    return b"".join(b"# %s\n" % line for line in lines if line)


def tga_comment(data: Buffer) -> bytes | None:
    """The identification, the author and the comments of a TGA file (TGA 2.0)."""
    texts = [bytes(data[18 : 18 + data[0]])]
    if data[len(data) - 18 :] == _TGA_MARK and len(data) >= 44:
        (start,) = struct.unpack_from("<I", data, len(data) - 26)
        if start and start + 367 <= len(data):
            lines = [bytes(data[at : at + 81]) for at in range(start + 43, start + 367, 81)]
            texts += [bytes(data[start + 2 : start + 43]), *lines]
    cut = (text.partition(b"\0")[0].strip() for text in texts)
    return b"\n".join(filter(None, cut)) or None
