"""Writing picture files: encoding with metadata, and writing atomically."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import ImageError, MissingDependencyError
from ..files import atomic_write
from . import heif, jp2, jpeg, opencv, png, tiff
from .accepted_losses import without_lost
from .comments import comment_of
from .exif import described_exif, without_orientation
from .formats import WRITABLE, Writable
from .losses import target_of
from .photo import Photo
from .plain_comments import netpbm_lines
from .samples import white


def write_photo(
    photo: Photo,
    path: str | os.PathLike[str],
    *,
    quality: int = 95,
    overwrite: bool = True,
    mode: int = 0o666,
    allow_loss: bool = False,
    before_placing: Callable[[bytes | memoryview], object] | None = None,
) -> None:
    """Write a photo with its metadata; the suffix names the format.

    The write is atomic: a failure leaves no partial file, and an existing file unchanged.
    :func:`~ppgan_mpr.imaging.unkept` names the metadata for which the format has no place.

    Args:
        photo: floating-point photos are stored with 16 bits where the format has them, else 8.
        path: ends in one of the suffixes in :data:`ppgan_mpr.imaging.formats.WRITABLE`.
        quality: 1-100 for JPEG, AVIF and, unless the source was lossless, WebP.
        overwrite: replace a file that is already there.
        mode: permission bits of the file, less those that the process masks (umask).
        allow_loss: if the format cannot store depth, transparency or colour profile, write the
            photo without them, with transparent parts on white;
            :func:`~ppgan_mpr.imaging.unkept` names what is lost.
        before_placing: called with the file's content before the file appears at ``path``.

    Raises:
        FileExistsError: ``path`` exists, and ``overwrite`` is False.
        ImageError: the format is unknown, the file cannot be written, or (without ``allow_loss``)
            the format cannot store depth, transparency or colour profile of this photo.
        MissingDependencyError: OpenCV, which PNG needs, cannot be loaded.
    """
    path = Path(path)
    data = file_content(photo, path, quality=quality, allow_loss=allow_loss)
    try:
        with atomic_write(path, exclusive=not overwrite, mode=mode) as file:
            file.write(data)
            if before_placing:
                before_placing(data)
    except FileExistsError:
        raise
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}") from error


def file_content(
    photo: Photo, path: Path, *, quality: int = 95, allow_loss: bool = False
) -> bytes | memoryview:
    """The content of the file that :func:`write_photo` writes with the same arguments.

    Raises:
        ImageError, MissingDependencyError: see :func:`write_photo`.
    """
    target = target_of(photo, path, allow_loss)
    try:
        return encode(without_lost(photo, target) if allow_loss else photo, target, quality)
    except (ImageError, MissingDependencyError) as error:
        raise type(error)(f"{path} cannot be written: {error}") from error.__cause__
    except MemoryError as error:
        raise ImageError(f"{path} cannot be written: it does not fit into memory") from error
    except Exception as error:  # Pillow's encoders raise many kinds, e.g. for sizes out of range
        raise ImageError(
            f"{path} cannot be written: {target.name} refuses this picture ({error})"
        ) from error


def prepare_writing(path: Path) -> None:
    """Load the encoder for this file now, so that :func:`write_photo` need not do it.

    Raises:
        MissingDependencyError: see :func:`write_photo`.
    """
    target = WRITABLE.get(path.suffix.lower())
    if target and target.name == "PNG":
        try:
            opencv.load()
        except MissingDependencyError as error:
            raise MissingDependencyError(f"{path} cannot be written: {error}") from error.__cause__


def encode(photo: Photo, target: Writable, quality: int = 95) -> bytes | memoryview:
    """The content of a file of the given format.

    Raises:
        ImageError: the format cannot store this picture or its metadata.
        MissingDependencyError: see :func:`write_photo`.
    """
    if photo.pixels.dtype.kind == "f":
        photo = photo.with_depth(16 if target.deep else 8)
    if not target.alpha:  # transparency has been refused, or blended with white
        photo = replace(photo, alpha=None)
    if target.name == "TIFF":
        return tiff.encode(photo)
    if target.name == "PPM":
        return _encode_netpbm(photo)
    if target.name == "PNG":
        return _encode_png(photo)
    if len(comment_of(photo.metadata) or b"") > target.remark:
        photo = replace(photo, metadata=replace(photo.metadata, comment=None, png_chunks=()))
    encoded = _encode_pillow(photo, target.name, quality)
    if target.name == "JPEG":
        return jpeg.with_metadata(encoded, photo.metadata)
    if target.name == "JPEG2000":
        return jp2.with_metadata(encoded, photo.metadata)
    if target.name == "AVIF" and photo.metadata.cicp:
        return heif.with_nclx(encoded, photo.metadata.cicp)
    return encoded


def _encode_netpbm(photo: Photo) -> bytes:
    magic = b"P5" if photo.is_grey else b"P6"
    lines = netpbm_lines(comment_of(photo.metadata))
    top = int(white(photo.pixels.dtype))
    header = b"%s\n%s%d %d\n%d\n" % (magic, lines, *photo.size, top)
    return header + photo.pixels.astype(f">u{photo.pixels.itemsize}").tobytes()


def _encode_png(photo: Photo) -> bytes | memoryview:
    width, height = photo.size
    samples = photo.to_array().reshape(height, width, -1)
    return png.with_metadata(png.encode(samples), photo.metadata)


def _encode_pillow(photo: Photo, name: str, quality: int) -> memoryview:
    metadata, samples = photo.metadata, photo.to_array()
    comment = comment_of(metadata) or b""
    block = metadata.exif
    if name in ("WEBP", "AVIF"):
        block = described_exif(block, metadata.dpi, comment)
    if name == "AVIF" and block:
        block = without_orientation(block)
    exif = b"Exif\0\0" + block if block else b""
    options: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if name == "JPEG":
        # Subsampling 0 is 4:4:4, which keeps the restored detail in the colours.
        # Optimised Huffman tables stay off: with them, noisy pictures overflow Pillow's buffer.
        options.update(quality=quality, subsampling=0)
        options.update(exif=exif, icc_profile=metadata.icc_profile, comment=comment)
    elif name in ("WEBP", "AVIF"):
        options = {"quality": quality, "exif": exif, "icc_profile": metadata.icc_profile or b""}
        options["xmp"] = metadata.xmp or b""
        if name == "AVIF":
            options["subsampling"] = "4:4:4"
        elif photo.lossless:  # exact keeps the colours under full transparency
            options.update(lossless=True, exact=True)
    elif name == "TGA":
        options["id_section"] = comment
    elif name == "JPEG2000" and comment:
        options["comment"] = comment
    file = io.BytesIO()
    Image.fromarray(samples).save(file, format=name, **options)
    return file.getbuffer()
