"""File formats: their suffixes, and what each can store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import did_you_mean
from ..errors import ImageError, UsageError
from .photo import Photo
from .samples import white

# Suffixes of still-picture formats by Pillow's names. Pillow opens more: documents, films,
# scientific data and PostScript (by starting Ghostscript), none of which is a photograph.
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
#: Every suffix that :func:`ppgan_mpr.imaging.read_photo` reads, in lower case with its dot.
SUFFIXES = frozenset(
    suffix for group in (*READABLE.values(), HEIF_SUFFIXES, OPENCV_SUFFIXES) for suffix in group
)
#: Suffixes of cameras' raw files, which must be developed before they can be restored.
RAW_SUFFIXES = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25",
    ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2",
    ".rwl", ".sr2", ".srf", ".srw", ".x3f",
))  # fmt: skip


@dataclass(frozen=True)
class Writable:
    """A format that can be written, and what it can store.

    Attributes:
        name: Pillow's name.
        deep: whether it stores 16 bits per sample.
        alpha: whether it stores alpha.
        profile: whether it stores an ICC profile.
        side: its longest possible side, in pixels.
        segment: its longest possible EXIF, XMP or IPTC block, in bytes.
    """

    name: str
    deep: bool = False
    alpha: bool = False
    profile: bool = False
    side: float = math.inf
    segment: float = math.inf


# Aliases of formats that are written under their usual suffixes only.
_READ_ONLY = frozenset(
    (".mpo", ".pbm", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".icb", ".vda", ".vst")
)
#: Suffix -> format, for all formats that can be written.
WRITABLE = {
    suffix: target
    for target in (
        Writable("PNG", deep=True, alpha=True, profile=True),
        Writable("TIFF", deep=True, alpha=True, profile=True),
        Writable("JPEG", profile=True, side=65500, segment=65500),
        Writable("WEBP", alpha=True, profile=True, side=16383),
        Writable("AVIF", profile=True),  # it has alpha, but compresses it with loss
        Writable("BMP"),
        Writable("JPEG2000", alpha=True),
        Writable("PPM", deep=True),
        Writable("TGA", alpha=True),
    )
    for suffix in READABLE[target.name]
    if suffix not in _READ_ONLY
}


def format_suffix(written: str) -> str:
    """The suffix of the format that a user names.

    Args:
        written: a suffix with or without its dot, or a format's name, in any case: ``'.tiff'``,
            ``'JPG'``, ``'png'``, ``'JPEG2000'``.

    Returns:
        A key of :data:`WRITABLE`, in lower case with its dot. A suffix stays the one that was
        written: ``'jpeg'`` is ``'.jpeg'``.

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


def is_available(target: Writable) -> bool:
    """Whether this Pillow can encode the format (WebP, AVIF and JPEG 2000 are optional)."""
    from PIL import Image, features

    module = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}.get(target.name)
    Image.init()
    if target.name not in Image.SAVE or module is None:
        return target.name in Image.SAVE
    return module in (*features.modules, *features.codecs) and bool(features.check(module))


def loss(photo: Photo, target: Writable) -> str | None:
    """What the format cannot store of the photo, in words; None where it can store everything."""
    if (
        not target.alpha
        and photo.alpha is not None
        and (photo.alpha != white(photo.alpha.dtype)).any()
    ):
        return "the transparency"
    if not target.deep and photo.pixels.dtype == np.uint16:
        return "the 16-bit depth"
    if not target.profile and photo.metadata.icc_profile:
        return "the colour profile"
    if max(photo.size) > target.side:
        return f"all pixels beyond {target.side} on a side"
    for name in ("exif", "xmp", "iptc"):
        if len(getattr(photo.metadata, name) or b"") > target.segment:
            return f"the {name.upper()} block, which is too long for it"
    return None


def writable_suffix(photo: Photo, suffix: str) -> str:
    """The suffix under which the photo can be written without loss of depth or metadata.

    Args:
        photo: to be written.
        suffix: the preferred one, with its dot; its case is kept.

    Returns:
        ``suffix`` itself; where that format cannot be written here or would drop depth,
        transparency or the colour profile, ``'.jpg'`` for a photo that came as a JPEG under
        another name, else ``'.png'``.
    """
    if _keeps_all(photo, suffix):
        return suffix
    from_jpeg = photo.format in ("JPEG", "MPO")
    return ".jpg" if from_jpeg and _keeps_all(photo, ".jpg") else ".png"


def _keeps_all(photo: Photo, suffix: str) -> bool:
    target = WRITABLE.get(suffix.lower())
    return target is not None and is_available(target) and not loss(photo, target)


def target_of(photo: Photo, path: Path) -> Writable:
    """The format that the path's suffix asks for.

    Raises:
        ImageError: it is unknown or cannot store the photo.
    """
    target = WRITABLE.get(path.suffix.lower())
    if target is None or not is_available(target):
        named = f"{path.suffix} pictures" if path.suffix else "a picture without a suffix"
        raise ImageError(
            f"{path} cannot be written: {named} cannot be written here, choose .png, .tif or .jpg"
        )
    lost = loss(photo, target)
    if lost:
        raise ImageError(
            f"{path} cannot be written: {target.name} would lose {lost}, choose .png or .tif"
        )
    return target
