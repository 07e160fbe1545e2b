"""Conversion between Pillow images and photos: modes, colour spaces, metadata."""

from __future__ import annotations

import contextlib
import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ImageError
from . import jpeg, png, resources, tiff
from .containers import complete_metadata
from .exif import orientation, resized_exif, resolution, turn_upright, upright_exif, upright_xmp
from .iptc import iptc_of
from .jpeg import XMP_PREFIX
from .photo import Metadata, Photo, plausible_dpi
from .png_chunks import SIGNATURE

_BAND = 1 << 20  # pixels
# Formats whose further frames are an animation; in others they are layers, thumbnails or the
# second view of a stereo camera.
_ANIMATED = {"GIF", "WEBP", "AVIF", "PNG"}
_COMMENTED = {"JPEG", "MPO", "GIF", "JPEG2000", None}  # None: a copy, which keeps ``info``
# Strings in Pillow's ``info`` that are not the photographer's texts.
_NO_TEXTS = {"xmp", "XML:com.adobe.xmp", "comment", "compression"}
# Keywords from the PNG specification, which identify texts in copied images.
_KEYWORDS = {
    "Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer",
    "Warning", "Source", "Comment", "Collection",
}  # fmt: skip


def from_pil(image: Image.Image) -> Photo:
    """Make a photo from a Pillow image; an EXIF orientation that it still has is applied.

    Raises:
        ImageError: the mode is not one of photographs (it has 32-bit numbers, for example), or the
            file behind the image is damaged or animated.
    """
    try:
        data = _content(image)
        image.load()
        metadata = _completed(image, data, image_metadata(image))
        del data  # before the pixels are copied again
        photo = photo_from_image(image, metadata)
        # While loading, Pillow turns TIFF upright, but no other format.
        return already_upright(photo) if image.format == "TIFF" else upright(photo)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"the Pillow image cannot be decoded: {error}") from error


def _content(image: Image.Image) -> bytes | None:
    """Content of the file behind an image; None if the image is loaded or the file unreadable."""
    file = getattr(image, "fp", None)
    if file is None or image.format is None:
        return None
    try:
        position = file.tell()
        file.seek(0)
        try:
            return bytes(file.read())
        finally:
            file.seek(position)
    except (AttributeError, OSError, ValueError):  # closed, or not seekable
        return None


def _completed(image: Image.Image, data: bytes | None, metadata: Metadata) -> Metadata:
    """Add the metadata that Pillow skipped in the file to those that it found."""
    if image.format == "PNG" and data and data.startswith(SIGNATURE):
        try:
            found = png.read_metadata(png.read_chunks(data))
        except ValueError:
            return metadata
        own = [item for item in png.without_texts(found.png_chunks) if item[0] != b"bKGD"]
        texts = [item for item in metadata.png_chunks if item[0] not in dict(own)]
        return replace(
            metadata,
            png_chunks=(*own, *texts),
            cicp=None if metadata.icc_profile else found.cicp,
            iptc=found.iptc,
            dropped=found.dropped,
        )
    if image.format == "TIFF" and data and not getattr(image, "is_animated", False):
        with contextlib.suppress(ImageError):  # some kinds are read by Pillow only
            found = tiff.read_page(data).metadata
            return replace(
                found,
                exif=metadata.exif or found.exif,
                icc_profile=metadata.icc_profile,
                dpi=metadata.dpi,
                xmp=metadata.xmp or found.xmp,
            )
    if image.format in ("JPEG", "MPO") or (data and image.format not in ("PNG", "TIFF")):
        return complete_metadata(image, data or b"", metadata)
    return metadata


def _chunks_of_info(image: Image.Image) -> tuple[tuple[bytes, bytes], ...]:
    """PNG chunks of text and colour, rebuilt from Pillow's ``info``."""
    if image.format not in ("PNG", None):
        return ()
    info, chunks = image.info, []
    gamma, corners = info.get("gamma"), info.get("chromaticity")
    if isinstance(gamma, (int, float)) and 0 < gamma < 1000:
        chunks.append((b"gAMA", struct.pack(">I", round(gamma * 100000))))
    if (
        isinstance(corners, (tuple, list))
        and len(corners) == 8
        and all(isinstance(value, (int, float)) and 0 <= value < 1000 for value in corners)
    ):
        values = (round(value * 100000) for value in corners)
        chunks.append((b"cHRM", struct.pack(">8I", *values)))
    if info.get("srgb") in (0, 1, 2, 3):
        chunks.append((b"sRGB", bytes([info["srgb"]])))
    for key, text in info.items():
        if not (isinstance(key, str) and isinstance(text, str)) or key in _NO_TEXTS:
            continue
        is_text = image.format == "PNG" and not key.startswith("Raw profile type")
        if is_text or key in _KEYWORDS:
            with contextlib.suppress(UnicodeError):
                chunks.append(png.text_chunk(key, text))
    return tuple(chunks)


def to_pil(photo: Photo) -> Image.Image:
    """The photo as a Pillow image (L, LA, RGB, RGBA or I;16) with the metadata in its ``info``.

    Raises:
        ImageError: Pillow has no 16-bit mode for colour or alpha.
    """
    if photo.pixels.dtype.kind == "f":
        photo = photo.with_depth(8)
    if photo.pixels.dtype == np.uint16 and (photo.alpha is not None or not photo.is_grey):
        raise ImageError(
            "Pillow has no 16-bit colour images: use photo.to_array(), or photo.with_depth(8)"
        )
    image = Image.fromarray(photo.to_array())
    metadata = photo.metadata
    exif = b"Exif\0\0" + metadata.exif if metadata.exif else None
    for name, value in (
        ("exif", exif),
        ("icc_profile", metadata.icc_profile),
        ("dpi", metadata.dpi),
        ("xmp", metadata.xmp),
        ("comment", metadata.comment),
        *png.texts(metadata.png_chunks),
    ):
        if value:
            image.info[name] = value
    return image


def image_metadata(image: Image.Image) -> Metadata:
    """The metadata that Pillow found in the file."""
    info = image.info
    exif = info.get("exif")
    if isinstance(exif, bytes) and exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    for name, body in getattr(image, "applist", ()):  # JPEG segments; Pillow < 11 keeps XMP there
        if name == "APP1" and body.startswith(XMP_PREFIX):
            xmp = body[len(XMP_PREFIX) :]
    if isinstance(xmp, str):
        xmp = xmp.encode()
    comment = info.get("comment") if image.format in _COMMENTED else None
    if isinstance(comment, str):
        comment = comment.encode("utf-8", "replace")
    blocks = jpeg.image_resources(image)
    dpi = info.get("dpi")
    try:
        dpi = plausible_dpi(*map(float, dpi)) if dpi else None
    except (TypeError, ValueError, ZeroDivisionError):
        dpi = None
    if dpi is None and isinstance(exif, bytes):  # WebP and AVIF store it only there
        dpi = resolution(exif)
    icc_profile = info.get("icc_profile") or None
    return Metadata(
        exif or None,
        icc_profile,
        dpi,
        xmp or None,
        jpeg.comments(image) or comment or None,
        _chunks_of_info(image),
        iptc_of(blocks),
        resources=resources.carried(blocks),
    )


def photo_from_image(image: Image.Image, metadata: Metadata) -> Photo:
    """Make a photo in grey or RGB from a loaded image; its orientation is not applied."""
    moves = image.format in _ANIMATED and getattr(image, "is_animated", False)
    if moves and image.tell() == 0:  # at another frame, the caller has chosen one
        raise ImageError("it holds several frames: extract the one to restore")
    if 0 in image.size:
        raise ImageError("it has no pixels")
    mode, source = image.mode, image.format
    if mode in ("I", "F"):
        pixels = _wide_integers(image)
        return Photo(pixels, None, metadata, source)
    if mode.startswith("I;16"):
        pixels = np.asarray(image).astype(np.uint16)[..., np.newaxis]
        return Photo(pixels, None, metadata, source)
    if mode in ("CMYK", "LAB"):
        image, profile = _to_srgb(image, metadata.icc_profile)
        dropped = (*metadata.dropped, f"the {mode} colour mode")
        metadata = replace(metadata, icc_profile=profile, png_chunks=(), dropped=dropped)
        return Photo(np.array(image), None, metadata, source)
    transparency = image.info.get("transparency")
    if mode in ("P", "PA"):
        palette = image.palette
        has_alpha = mode == "PA" or transparency is not None
        has_alpha |= palette is not None and palette.mode == "RGBA"
        image = image.convert("RGBA" if has_alpha else "RGB")
        transparency = None
    else:
        target = {"1": "L", "L": "L", "La": "LA", "LA": "LA", "RGBa": "RGBA", "RGBA": "RGBA"}
        wanted = target.get(mode, "RGB")
        image = image if mode == wanted else image.convert(wanted)  # ``convert`` always copies
    samples = _samples(image)
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    colours = samples.shape[2] - (samples.shape[2] in (2, 4))
    pixels = np.ascontiguousarray(samples[..., :colours])
    alpha = None if colours == samples.shape[2] else np.ascontiguousarray(samples[..., colours])
    if alpha is None and isinstance(transparency, (int, tuple)):
        alpha = np.where((pixels == np.array(transparency)).all(axis=2), 0, 255).astype(np.uint8)
    if mode in ("P", "PA") and not metadata.icc_profile and _is_neutral(pixels):
        pixels = np.ascontiguousarray(pixels[..., :1])  # with a profile, R = G = B need not be grey
    return Photo(pixels, alpha, metadata, source)


def _samples(image: Image.Image) -> np.ndarray:
    """``np.array(image)`` in bands; in one piece it takes three times the picture's memory."""
    width, height = image.size
    rows = max(1, _BAND // width)
    first = np.asarray(image.crop((0, 0, width, 1)))
    samples = np.empty((height, *first.shape[1:]), first.dtype)
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        samples[top : top + rows] = np.asarray(band)
    return samples


def upright(photo: Photo) -> Photo:
    """Apply the orientation in the metadata to pixels and alpha, and set it to 1 there."""
    flag = orientation(photo.metadata.exif, photo.metadata.xmp)
    photo = already_upright(photo)
    if flag == 1:
        return photo
    metadata = photo.metadata
    if flag >= 5:  # a quarter turn
        dpi, exif = metadata.dpi, metadata.exif
        exif = exif and resized_exif(exif, *photo.size[::-1])
        chunks = png.turned(metadata.png_chunks)
        metadata = replace(metadata, dpi=dpi and dpi[::-1], exif=exif, png_chunks=chunks)
        photo = replace(photo, metadata=metadata)
    alpha = None if photo.alpha is None else turn_upright(photo.alpha, flag)
    return replace(photo, pixels=turn_upright(photo.pixels, flag), alpha=alpha)


def already_upright(photo: Photo) -> Photo:
    """Set the orientation in the metadata to 1, for pictures that a decoder has turned."""
    exif, xmp = photo.metadata.exif, photo.metadata.xmp
    metadata = replace(
        photo.metadata, exif=exif and upright_exif(exif), xmp=xmp and upright_xmp(xmp)
    )
    return replace(photo, metadata=metadata)


def _is_neutral(pixels: np.ndarray) -> bool:
    return bool((pixels[..., :1] == pixels[..., 1:]).all())


def _wide_integers(image: Image.Image) -> np.ndarray:
    """Convert mode I, which Pillow before 10.3 uses for 16-bit PNG and PGM, to uint16."""
    if image.mode == "I" and image.format in ("PNG", "PPM", "JPEG2000"):
        return np.asarray(image).astype(np.uint16)[..., np.newaxis]
    kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
    raise ImageError(f"it holds {kind}: convert it to 16 bits per sample first")


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Convert CMYK or LAB to sRGB, through the embedded profile if it is usable."""
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    sources: list[Any] = [io.BytesIO(profile)] if profile else []
    if image.mode == "LAB":
        sources.append(ImageCms.createProfile("LAB"))
    # With black point compensation (0x2000), as browsers and image editors do. Pillow before 10.3
    # has no name for this flag.
    how: dict[str, Any] = {"renderingIntent": ImageCms.Intent.RELATIVE_COLORIMETRIC}
    how["flags"] = 0x2000
    for source in sources:
        try:
            given = ImageCms.ImageCmsProfile(source)
            converted = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB", **how)
        except (ImageCms.PyCMSError, OSError):
            continue
        if converted is not None:  # it is None for inPlace=True only
            return converted, srgb.tobytes()
    return image.convert("RGB"), None
