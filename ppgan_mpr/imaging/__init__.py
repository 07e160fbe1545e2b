"""Reading and writing photographs without loss of bit depth, colour or metadata.

:func:`read_photo` returns a :class:`Photo`: upright pixels (grey or RGB, 8 or 16 bits), alpha, and
the metadata of the file. :func:`write_photo` writes it.
"""

from __future__ import annotations

from .formats import RAW_SUFFIXES, SUFFIXES, format_suffix
from .header import Header, read_header
from .limits import Limits
from .losses import unkept, unkept_by_pillow, writable_suffix
from .photo import Metadata, Photo, from_array
from .pillow import from_pil, to_pil
from .read import decode_photo, read_photo
from .reader import PhotoReader
from .write import prepare_writing, write_photo

__all__ = [
    "RAW_SUFFIXES",
    "SUFFIXES",
    "Header",
    "Limits",
    "Metadata",
    "Photo",
    "PhotoReader",
    "decode_photo",
    "format_suffix",
    "from_array",
    "from_pil",
    "prepare_writing",
    "read_header",
    "read_photo",
    "to_pil",
    "unkept",
    "unkept_by_pillow",
    "writable_suffix",
    "write_photo",
]
