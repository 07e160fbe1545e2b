"""Finds what a file format cannot store of a photo, and a format that can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import ImageError
from . import png, raw
from .comments import OWN_KEYWORDS, comment_of
from .exif import description, has_position
from .formats import WRITABLE, Writable, is_available
from .photo import Metadata, Photo
from .samples import white
from .thumbnails import has_preview

_MAX_SHOWN = 100  # characters of keywords


class Loss(NamedTuple):
    """Something that a format cannot store of a photo.

    Attributes:
        what: description for messages.
        is_fatal: whether writing is refused by default. It is if the picture would lose its
            transparency, 16-bit depth, colour profile or colour space, or if the picture or a
            block of metadata is too large for the format.
        can_be_accepted: whether the user may accept the loss.
    """

    what: str
    is_fatal: bool
    can_be_accepted: bool = True


def loss(photo: Photo, target: Writable) -> tuple[Loss, ...]:
    """Everything that the format cannot store of the photo; fatal losses come first."""
    return (
        *(Loss(what, True) for what in _lost_of_picture(photo, target)),
        *(Loss(what, True, False) for what in _too_large(photo, target)),
        *(Loss(what, False) for what in _lost_metadata(photo.metadata, target)),
        *(Loss(what, False) for what in photo.metadata.dropped),
    )


def unkept(photo: Photo, suffix: str) -> tuple[str, ...]:
    """Descriptions of everything that a file with this suffix loses of the photo and its source.

    Args:
        photo: to be written.
        suffix: of the file, with its dot; one that can be written.
    """
    return tuple(item.what for item in loss(photo, WRITABLE[suffix.lower()]))


def listed(lost: Sequence[str]) -> str:
    """One or more losses as ``a, b and c``."""
    return ", ".join(lost[:-1]) + " and " * (len(lost) > 1) + lost[-1]


def unkept_by_pillow(photo: Photo) -> tuple[str, ...]:
    """Descriptions of everything that a Pillow image from :func:`.pillow.to_pil` loses."""
    lost = []
    metadata = photo.metadata
    if metadata.cicp:
        lost.append(f"the colour space ({_colour_name(*metadata.cicp)})")
    if metadata.iptc:
        lost.append("the IPTC captions")
    if metadata.resources:
        lost.append("Photoshop's image resources")
    if not (metadata.icc_profile or png.colour_is_plain(metadata.png_chunks)):
        lost.append("the gamma or primaries of the PNG")
    kinds = {kind for kind, _ in metadata.png_chunks}
    lost += [words for kind, words in png.OF_PNG_ALONE.items() if kind in kinds]
    return (*lost, *metadata.dropped)


def _lost_of_picture(photo: Photo, target: Writable) -> Iterator[str]:
    metadata = photo.metadata
    if (
        not target.alpha
        and photo.alpha is not None
        and (photo.alpha != white(photo.alpha.dtype)).any()
    ):
        yield "the transparency"
    if not target.deep and photo.pixels.dtype == np.uint16:
        yield "the 16-bit depth"
    if metadata.icc_profile and "icc_profile" not in target.holds:
        yield "the colour profile"
    if metadata.cicp and "cicp" not in target.holds:
        yield f"the colour space ({_colour_name(*metadata.cicp)})"
    for name in blocks_too_long(metadata, target):
        yield f"the {name.upper()} block, which is too long for it"


def _too_large(photo: Photo, target: Writable) -> Iterator[str]:
    if max(photo.size) > target.side:
        yield f"all pixels beyond {target.side} on a side"


def blocks_too_long(metadata: Metadata, target: Writable) -> list[str]:
    """Names of the metadata fields that are too long for the format's blocks."""
    blocks = ("exif", "xmp", "iptc")
    return [name for name in blocks if len(getattr(metadata, name) or b"") > target.segment]


def _lost_metadata(metadata: Metadata, target: Writable) -> Iterator[str]:
    if metadata.exif and "exif" not in target.holds:
        yield "the EXIF data"
        if has_position(metadata.exif):
            yield "the GPS position"
    if metadata.xmp and "xmp" not in target.holds:
        yield "the XMP data"
    if metadata.iptc and "iptc" not in target.holds:
        yield "the IPTC captions"
    if metadata.resources and "resources" not in target.holds:
        yield "Photoshop's image resources"
    if metadata.dpi and "dpi" not in target.holds:
        yield f"the resolution ({metadata.dpi[0]:.4g} dpi)"
    comment = comment_of(metadata)
    if comment and "png_chunks" not in target.holds:  # PNG keeps every text
        if "comment" not in target.holds or len(comment) > target.remark:
            yield _comment_name(metadata)
        elif target.name in ("TIFF", "WEBP", "AVIF"):  # stored as description in the EXIF block
            taken = description(metadata.exif)
            if taken and taken != comment:
                yield _comment_name(metadata)
    plain = metadata.icc_profile or png.colour_is_plain(metadata.png_chunks)
    if not plain and "png_chunks" not in target.holds:
        yield "the gamma or primaries of the PNG"
    if "png_chunks" not in target.holds:
        kinds = {kind for kind, _ in metadata.png_chunks}
        yield from (words for kind, words in png.OF_PNG_ALONE.items() if kind in kinds)
    if metadata.exif and "exif" in target.holds and has_preview(metadata.exif):
        yield "an up-to-date preview (the old one stays in the camera's notes)"


def _comment_name(metadata: Metadata) -> str:
    """The comment's name in messages, with the keywords of a PNG's texts, such as ``Title``."""
    keywords = dict.fromkeys(keyword for keyword, _ in png.texts(metadata.png_chunks))
    if all(keyword in OWN_KEYWORDS for keyword in keywords):
        return "the comment"
    shown = ", ".join(keywords)
    shown = "".join(filter(str.isprintable, shown))[:_MAX_SHOWN]  # the file may hold anything
    return f"the PNG's text ({shown})"


def _colour_name(primaries: int, transfer: int) -> str:
    gamut = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}.get(primaries)
    curve = {16: "PQ", 18: "HLG"}.get(transfer)
    named = " ".join(filter(None, (gamut, curve)))
    return named or f"H.273 code points {primaries}, {transfer}"


def writable_suffix(photo: Photo, suffix: str) -> str:
    """The suffix of a format that stores the photo without a fatal loss.

    Args:
        photo: to be written.
        suffix: the preferred one, with its dot; its case is kept.

    Returns:
        ``suffix`` itself if this format can be written here and keeps depth, transparency and
        colour profile. Otherwise ``'.jpg'`` for a photo that was read from a JPEG file, and
        ``'.tif'`` for a developed raw file, if that format keeps these; ``'.png'`` for all others.
    """
    if _keeps_all(photo, suffix):
        return suffix
    usual = {"JPEG": ".jpg", "MPO": ".jpg", raw.FORMAT: ".tif"}.get(photo.format or "", ".png")
    return usual if _keeps_all(photo, usual) else ".png"


def _keeps_all(photo: Photo, suffix: str) -> bool:
    target = WRITABLE.get(suffix.lower())
    if target is None or not is_available(target):
        return False
    return not any(item.is_fatal for item in loss(photo, target))


def target_of(photo: Photo, path: Path, allow_loss: bool = False) -> Writable:
    """The format that the path's suffix names.

    Args:
        photo: to be written.
        path: of the file.
        allow_loss: accept a format that cannot store depth, transparency or colour profile.

    Raises:
        ImageError: the format is unknown or cannot store the photo.
    """
    target = WRITABLE.get(path.suffix.lower())
    if target is None or not is_available(target):
        named = f"{path.suffix} pictures" if path.suffix else "pictures without a suffix"
        raise ImageError(
            f"{path} cannot be written: this installation does not write {named}, choose .png, "
            ".tif or .jpg"
        )
    losses = loss(photo, target)
    fatal = [item for item in losses if item.is_fatal]
    refused = [item for item in fatal if not (allow_loss and item.can_be_accepted)]
    if refused:
        others = [item for item in losses if item not in refused]
        choice = " or ".join(suffix for suffix in (".png", ".tif") if _keeps_all(photo, suffix))
        accept = all(item.can_be_accepted for item in fatal)
        raise ImageError(
            f"{path} cannot be written: {target.name} would lose "
            f"{listed([item.what for item in (*refused, *others)])}, choose {choice}"
            + ", or accept the loss by allow_loss=True"
            * accept
        )
    return target
