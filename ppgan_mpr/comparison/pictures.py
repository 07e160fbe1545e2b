"""Display copies: 8-bit RGB pictures of a limited size, for panels and web pages."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from ..imaging import Photo
from ..imaging.samples import to_dtype

_QUALITY = 92  # of JPEGs; high enough that compression does not hide the effect of a restoration


def display_copy(photo: Photo, longest: int | None = None) -> Image.Image:
    """An 8-bit RGB picture of a photo, transparent parts over white.

    Args:
        photo: of any depth, grey or in colour.
        longest: maximum pixels of the longer side; a larger photo is reduced.

    Returns:
        A picture that carries the photo's colour profile in ``info``, unless it is grey.
    """
    pixels = np.asarray(to_dtype(photo.pixels, np.uint8))
    if photo.is_grey:
        pixels = pixels.repeat(3, axis=2)
    picture = Image.fromarray(pixels)
    if photo.alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        picture = Image.composite(picture, white, Image.fromarray(to_dtype(photo.alpha, np.uint8)))
    if longest is not None and max(picture.size) > longest:
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    if photo.metadata.icc_profile and not photo.is_grey:
        picture.info["icc_profile"] = photo.metadata.icc_profile
    return picture


def same_size(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize a picture to a width and height by bicubic interpolation."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def jpeg_bytes(picture: Image.Image) -> bytes:
    """A display copy as a JPEG file with its colour profile."""
    content = io.BytesIO()
    profile: Any = picture.info.get("icc_profile")
    picture.save(content, "JPEG", quality=_QUALITY, subsampling=0, icc_profile=profile)
    return content.getvalue()


def png_bytes(picture: Image.Image) -> bytes:
    """A picture as a PNG file with its colour profile."""
    content = io.BytesIO()
    picture.save(content, "PNG", icc_profile=picture.info.get("icc_profile"))
    return content.getvalue()


def data_url(picture: Image.Image) -> str:
    """A display copy as a JPEG inside a ``data:`` URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(picture)).decode("ascii")
