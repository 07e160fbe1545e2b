"""Comments and captions, which every format keeps in a place of its own."""

from __future__ import annotations

from . import png
from .photo import Metadata

#: Keywords of the texts of a PNG that are comments as in other formats.
OWN_KEYWORDS = ("Comment", "Description")


def comment_of(metadata: Metadata) -> bytes | None:
    """The comment of any format as one text, UTF-8 unless the file had it otherwise.

    The texts of a PNG are lines of it, with their keywords; a single comment stands alone.
    """
    lines = png.texts(metadata.png_chunks)
    if not lines:
        return (metadata.comment or b"").strip(b"\0 ") or None
    if len(lines) == 1 and lines[0][0] in OWN_KEYWORDS:
        return lines[0][1].encode() or None
    return "\n".join(f"{keyword}: {text}" for keyword, text in lines).encode()
