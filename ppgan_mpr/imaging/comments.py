"""Comments and captions, which each format stores in its own place."""

from __future__ import annotations

from . import png
from .photo import Metadata

#: Keywords of PNG texts that correspond to the comments of other formats.
OWN_KEYWORDS = ("Comment", "Description")


def comment_of(metadata: Metadata) -> bytes | None:
    """The comment of a photo of any format, in UTF-8 unless the file used another encoding.

    A PNG's texts become lines that start with their keywords. The keyword is left out if there is
    only one text, and its keyword is Comment or Description.
    """
    lines = png.texts(metadata.png_chunks)
    if not lines:
        return (metadata.comment or b"").strip(b"\0 ") or None
    if len(lines) == 1 and lines[0][0] in OWN_KEYWORDS:
        return lines[0][1].encode() or None
    return "\n".join(f"{keyword}: {text}" for keyword, text in lines).encode()
