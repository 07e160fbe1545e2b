"""File formats: their suffixes and what each can store."""

from __future__ import annotations

import importlib.util
import math
import os
from dataclasses import dataclass
from pathlib import Path

from ..checks import did_you_mean
from ..errors import UsageError

# Suffixes of still-picture formats by Pillow's names. Pillow opens more formats, but not for
# photographs: documents, films, scientific data and PostScript (by starting Ghostscript).
READABLE = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "PSD": (".psd",),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
HEIF_SUFFIXES = (".heic", ".heif", ".hif")
OPENCV_SUFFIXES = (".pam",)
#: Suffixes that :func:`ppgan_mpr.imaging.read_photo` reads, except those of raw files, in lower
#: case with their dot.
SUFFIXES = frozenset(
    suffix for group in (*READABLE.values(), HEIF_SUFFIXES, OPENCV_SUFFIXES) for suffix in group
)
#: Suffixes of cameras' raw files, which rawpy develops if it is installed.
RAW_SUFFIXES = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25",
    ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2",
    ".rwl", ".sr2", ".srf", ".srw", ".x3f",
))  # fmt: skip
#: Suffixes of videos, which are restored one by one (:mod:`ppgan_mpr.video`), not in folders.
VIDEO_SUFFIXES = frozenset((
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".ivf", ".m2ts", ".m2v", ".m4v",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob",
    ".webm", ".wmv",
))  # fmt: skip


# Fields of ``Metadata`` that most formats can store.
_ALL = frozenset(("icc_profile", "exif", "xmp", "iptc", "comment", "dpi"))


@dataclass(frozen=True)
class Writable:
    """A format that can be written, and what it can store.

    Attributes:
        name: Pillow's name.
        deep: whether it stores 16 bits per sample.
        alpha: whether it stores alpha.
        holds: the fields of :class:`Metadata` that it stores.
        side: its longest possible side, in pixels.
        segment: its longest possible EXIF, XMP or IPTC block, in bytes.
        remark: its longest possible comment, in bytes.
    """

    name: str
    deep: bool = False
    alpha: bool = False
    holds: frozenset[str] = frozenset()
    side: float = math.inf
    segment: float = math.inf
    remark: float = math.inf


# Suffixes that are only read: their formats are written with the usual suffix.
_READ_ONLY = frozenset(
    (".mpo", ".pbm", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".icb", ".vda", ".vst")
)
#: Suffix -> format, for all formats that can be written.
WRITABLE = {
    suffix: target
    for target in (
        Writable("PNG", deep=True, alpha=True, holds=_ALL | {"cicp", "png_chunks"}),
        Writable("TIFF", deep=True, alpha=True, holds=_ALL | {"resources"}),
        Writable("JPEG", holds=_ALL | {"resources"}, side=65500, segment=65500, remark=65500),
        # WebP and AVIF store resolution and comment in the EXIF block.
        Writable("WEBP", alpha=True, holds=_ALL - {"iptc"}, side=16383),
        # AVIF has alpha, but compresses it lossily.
        Writable("AVIF", holds=_ALL - {"iptc"} | {"cicp"}),
        Writable("BMP", holds=frozenset(("dpi",))),
        Writable("JPEG2000", alpha=True, holds=_ALL, remark=65500),
        Writable("PPM", deep=True, holds=frozenset(("comment",))),
        Writable("TGA", alpha=True, holds=frozenset(("comment",)), remark=255),
    )
    for suffix in READABLE[target.name]
    if suffix not in _READ_ONLY
}


def format_suffix(written: str) -> str:
    """The file suffix for a format that a user names.

    Args:
        written: a suffix with or without its dot, or a format's name, in any case: ``'.tiff'``,
            ``'JPG'``, ``'png'``, ``'JPEG2000'``.

    Returns:
        A key of :data:`WRITABLE`, in lower case with its dot. A given suffix is kept: ``'jpeg'``
        becomes ``'.jpeg'``, not ``'.jpg'``.

    Raises:
        UsageError: no such format can be written; the message suggests the nearest one.
    """
    word = str(written).lower().lstrip(".")
    known = {suffix[1:]: suffix for suffix in WRITABLE}
    for suffix, target in WRITABLE.items():
        known.setdefault(target.name.lower(), suffix)
    if word not in known:
        hint = did_you_mean(word, known)
        raise UsageError(f"Pictures cannot be written in the format {written!r}: {hint}")
    return known[word]


def readable_suffixes() -> frozenset[str]:
    """Suffixes of the files that are restored in a folder; raw files only with rawpy."""
    developed = importlib.util.find_spec("rawpy") is not None
    return SUFFIXES | RAW_SUFFIXES if developed else SUFFIXES


def is_video_name(path: str | os.PathLike[str]) -> bool:
    """Whether a path has the suffix of a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def is_available(target: Writable) -> bool:
    """Whether this Pillow can encode the format (WebP, AVIF and JPEG 2000 are optional)."""
    from PIL import Image, features

    module = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}.get(target.name)
    Image.preinit()
    if target.name not in Image.SAVE:  # ``preinit`` loads the frequent formats only
        Image.init()
    if target.name not in Image.SAVE or module is None:
        return target.name in Image.SAVE
    return module in (*features.modules, *features.codecs) and bool(features.check(module))
