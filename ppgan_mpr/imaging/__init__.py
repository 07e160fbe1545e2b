"""Reading and writing photographs with nothing of them lost.

A :class:`Photo` holds upright pixels (grey or RGB, 8 or 16 bits), alpha, and the metadata of its
file; :func:`read_photo` and :func:`write_photo` are its two ends.
"""

from __future__ import annotations

from .formats import SUFFIXES, writable_suffix
from .photo import Metadata, Photo, from_array
from .pillow import from_pil, to_pil
from .read import decode_photo, read_photo
from .write import write_photo

__all__ = [
    "SUFFIXES",
    "Metadata",
    "Photo",
    "decode_photo",
    "from_array",
    "from_pil",
    "read_photo",
    "to_pil",
    "writable_suffix",
    "write_photo",
]
