"""Crops of a photo as network input, so that the whole photo is never held in float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import ImageError
from ..imaging import Photo
from ..imaging.enlarge import enlarge, source_range
from ..imaging.exif import resized_exif
from ..inference import Crop


def network_input(photo: Photo, right: Photo | None, scale: int) -> Crop:
    """A function that crops the picture that enters the network.

    Args:
        photo: the picture, or the left one of two views.
        right: the right view, or None.
        scale: how many times the picture is enlarged first (bicubic interpolation).

    Returns:
        (rows, columns) of the enlarged picture → [h, w, 3] float32 in [0, 1]; for two views
        [h, w, 6], the left one first.

    Raises:
        ImageError: the views differ in size.
    """
    crop = _crop_of(photo)
    if right is not None:
        if right.size != photo.size:
            raise ImageError(
                "the right view is {} x {} pixels, but the left view is {} x {}: both must have "
                "the same size".format(*right.size, *photo.size)
            )
        crop = _side_by_side(crop, _crop_of(right))
    return crop if scale == 1 else _enlarged(crop, photo.size[1], photo.size[0], scale)


def weakened(restored: np.ndarray, original: np.ndarray, strength: float) -> np.ndarray:
    """Blend the restored pixels with the original ones.

    Args:
        restored: [h, w, 3], output of the network.
        original: [h, w, C], input of the network; the left one of two views is used.
        strength: 0 gives the original pixels, 1 the restored ones.

    Returns:
        [h, w, 3] in [0, 1].
    """
    original = original[..., :3]
    return original + np.float32(strength) * (restored.clip(0, 1) - original)


def blank_result(photo: Photo, scale: int, in_place: bool) -> Photo:
    """The result of a photo without its pixels: alpha and metadata, at ``scale`` times the size.

    Args:
        photo: the picture to restore.
        scale: see :func:`network_input`.
        in_place: the result may overwrite the pixels of ``photo``.
    """
    if in_place and scale == 1 and photo.pixels.flags.writeable:
        return photo
    height, width, channels = photo.pixels.shape
    pixels = np.empty([scale * height, scale * width, channels], photo.pixels.dtype)
    if scale == 1:
        return replace(photo, pixels=pixels)
    height, width = pixels.shape[:2]
    metadata, alpha = photo.metadata, photo.alpha
    if metadata.exif:
        metadata = replace(metadata, exif=resized_exif(metadata.exif, width, height))
    if alpha is not None:
        grey = replace(photo, pixels=np.empty([height, width, 1], alpha.dtype))
        larger = enlarge(alpha[..., None], height, width)
        alpha = grey.with_restored(larger.repeat(3, axis=2)).pixels[..., 0]
    return replace(photo, pixels=pixels, alpha=alpha, metadata=metadata)


def _crop_of(photo: Photo) -> Crop:
    def crop(rows: slice, columns: slice) -> np.ndarray:
        return replace(photo, pixels=photo.pixels[rows, columns], alpha=None).to_float()

    return crop


def _side_by_side(left: Crop, right: Crop) -> Crop:
    def crop(rows: slice, columns: slice) -> np.ndarray:
        return np.concatenate([left(rows, columns), right(rows, columns)], axis=2)

    return crop


def _enlarged(small: Crop, height: int, width: int, scale: int) -> Crop:
    def crop(rows: slice, columns: slice) -> np.ndarray:
        first, last = source_range(rows.start, rows.stop - rows.start, scale, height)
        start, stop = source_range(columns.start, columns.stop - columns.start, scale, width)
        upper, lower = (side / scale - first for side in (rows.start, rows.stop))
        near, far = (side / scale - start for side in (columns.start, columns.stop))
        region = small(slice(first, last), slice(start, stop))
        shape = rows.stop - rows.start, columns.stop - columns.start
        return enlarge(region, *shape, (near, upper, far, lower))

    return crop
