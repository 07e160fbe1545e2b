"""The file formats: which suffix means which, and what each can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import exact_name
from ..errors import ImageError
from .photo import Photo

# Still-picture formats by Pillow's names. Pillow opens more: documents, films, scientific data
# and PostScript (by starting Ghostscript), none of which is a photograph to restore.
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
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
    "SUN": (".ras",),
    "PCX": (".pcx",),
    "QOI": (".qoi",),
    "DDS": (".dds",),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
HEIF_SUFFIXES = (".heic", ".heif", ".hif")
OPENCV_SUFFIXES = (".pam", ".sr")
SUFFIXES = frozenset(
    suffix for group in (*READABLE.values(), HEIF_SUFFIXES, OPENCV_SUFFIXES) for suffix in group
)


@dataclass(frozen=True)
class Writable:
    """A format written here.

    Attributes:
        name: Pillow's name.
        deep: holds 16 bits per sample.
        alpha: holds alpha.
        profile: holds an ICC profile.
        side: longest side that it holds, in pixels.
        segment: longest EXIF, XMP or IPTC block that it holds, in bytes.
    """

    name: str
    deep: bool = False
    alpha: bool = False
    profile: bool = False
    side: float = math.inf
    segment: float = math.inf


_PNG = Writable("PNG", deep=True, alpha=True, profile=True)
_TIFF = Writable("TIFF", deep=True, alpha=True, profile=True)
_JPEG = Writable("JPEG", profile=True, side=65500, segment=65500)
_WEBP = Writable("WEBP", alpha=True, profile=True, side=16383)
_AVIF = Writable("AVIF", profile=True)  # has alpha, but compresses it with loss
_PPM = Writable("PPM", deep=True)
WRITABLE = {
    ".png": _PNG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".webp": _WEBP,
    ".avif": _AVIF,
    ".bmp": Writable("BMP"),
    ".dib": Writable("BMP"),
    ".jp2": Writable("JPEG2000", alpha=True),
    ".ppm": _PPM,
    ".pgm": _PPM,
    ".pnm": _PPM,
    ".tga": Writable("TGA", alpha=True),
}


def is_available(target: Writable) -> bool:
    """Whether this Pillow can encode the format (WebP, AVIF and JPEG 2000 are optional)."""
    from PIL import Image, features

    module = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}.get(target.name)
    Image.init()
    return target.name in Image.SAVE and (
        module is None
        or (module in (*features.modules, *features.codecs) and features.check(module))
    )


def loss(photo: Photo, target: Writable) -> str | None:
    """What of the photo the format cannot hold, in words; None where nothing would be lost."""
    if not target.alpha and photo.alpha is not None and (photo.alpha != _top(photo)).any():
        return "the transparency"
    if not target.deep and photo.pixels.dtype == np.uint16:
        return "the 16-bit depth"
    if not target.profile and photo.metadata.icc_profile:
        return "the colour profile"
    if max(photo.size) > target.side:
        return f"what lies beyond {target.side} pixels"
    for name in ("exif", "xmp", "iptc"):
        if len(getattr(photo.metadata, name) or b"") > target.segment:
            return f"the {name.upper()} block, which is too long for it"
    return None


def writable_suffix(photo: Photo, suffix: str) -> str:
    """The suffix under which the photo can be written with nothing of it lost.

    Args:
        photo: what is to be written.
        suffix: the wanted one, with its dot; its case is kept.

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
        ImageError: it is unknown or cannot hold the photo.
    """
    target = WRITABLE.get(path.suffix.lower())
    if target is None or not is_available(target):
        named = f"{path.suffix} pictures" if path.suffix else "a picture without a suffix"
        raise ImageError(
            f"{path} cannot be written: {named} cannot be made here, choose .png, .tif or .jpg"
        )
    lost = loss(photo, target)
    if lost:
        raise ImageError(
            f"{path} cannot be written: {target.name} would lose {lost}, choose .png or .tif"
        )
    return target


def _top(photo: Photo) -> int:
    return np.iinfo(photo.pixels.dtype).max if photo.pixels.dtype.kind == "u" else 1


def format_suffix(word: str) -> str:
    """The suffix of a writable format that a user's word means, such as ``jpeg`` or ``.TIF``."""
    lower = f".{str(word).lower().lstrip('.')}"
    return exact_name("format", lower, WRITABLE)


RAW_SUFFIXES = frozenset()
