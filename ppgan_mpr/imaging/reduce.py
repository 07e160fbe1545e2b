"""Downscaling of photos whose defects are larger than those seen in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from .exif import resized_exif
from .photo import Photo
from .samples import to_dtype, to_float


def reduced(photo: Photo, longest: int) -> Photo:
    """A photo whose longer side has at most ``longest`` pixels, reduced by Lanczos filtering.

    Args:
        photo: of any depth; alpha and metadata are kept, sizes in its EXIF are corrected.
        longest: at least 1.

    Returns:
        ``photo`` itself if it is not larger.
    """
    if max(photo.size) <= longest:
        return photo
    width, height = reduced_size(*photo.size, longest)
    metadata = photo.metadata
    if metadata.exif:
        metadata = replace(metadata, exif=resized_exif(metadata.exif, width, height))
    alpha = photo.alpha
    return replace(
        photo,
        pixels=_resize(photo.pixels, width, height),
        alpha=None if alpha is None else _resize(alpha[..., None], width, height)[..., 0],
        metadata=metadata,
    )


def reduced_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Width and height of a picture after :func:`reduced`; ``longest=None`` changes nothing."""
    if longest is None or max(width, height) <= longest:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(samples: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize samples [H, W, C] by channel, so that only one is held as floats at full size."""
    planes = [
        np.asarray(
            Image.fromarray(to_float(samples[..., channel])).resize(
                (width, height), Image.Resampling.LANCZOS
            )
        )
        for channel in range(samples.shape[2])
    ]
    return np.ascontiguousarray(to_dtype(np.stack(planes, axis=-1), samples.dtype))
