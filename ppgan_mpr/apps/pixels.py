"""Fills in the pixels of results with the output of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..imaging import Photo
from ..inference import Crop, Restorer, TileUse
from ..inference.picture import Progress
from ..inference.shared_statistics import SceneStatistics
from .network_input import weakened

_AT_ONCE = 1 << 15  # pixels


def blank_stages(result: Photo, count: int) -> tuple[Photo, ...]:
    """Photos for the outputs of ``count`` stages, like the result but with pixels of their own."""
    return tuple(replace(result, pixels=np.empty_like(result.pixels)) for _ in range(count))


def fill(
    result: Photo,
    stages: Sequence[Photo],
    restorer: Restorer,
    crop: Crop,
    strength: float,
    progress: Progress,
    used: TileUse,
    scene: SceneStatistics | None = None,
) -> None:
    """Restore a picture, strip by strip.

    Args:
        result: its pixels are written.
        stages: outputs of the earlier stages, the first one first; their pixels are written.
            Empty if the model returns only the last stage.
        restorer: restores the picture.
        crop: crops the network's input, which may be the pixels of ``result`` that have not been
            overwritten yet.
        strength: of the result, see :func:`.network_input.weakened`; stages are not blended.
        progress, used, scene: see :meth:`~ppgan_mpr.inference.Restorer.strips`.
    """
    width, height = result.size
    for rows, strip in restorer.strips(height, width, crop, progress, used, scene):
        for number, stage in enumerate(reversed(stages), start=1):
            _set_rows(stage, rows, strip[..., 3 * number : 3 * number + 3])
        restored = strip[..., :3]
        if strength < 1:
            restored = weakened(restored, crop(rows, slice(0, width)), strength)
        _set_rows(result, rows, restored)


def _set_rows(photo: Photo, rows: slice, restored: np.ndarray) -> None:
    """Write restored rows, a few at a time: their copies stay in the processor's cache."""
    step = max(1, _AT_ONCE // photo.size[0])
    for start in range(rows.start, rows.stop, step):
        band = slice(start, min(start + step, rows.stop))
        part = replace(photo, pixels=photo.pixels[band], alpha=None)
        written = part.with_restored(restored[start - rows.start : band.stop - rows.start])
        photo.pixels[band] = written.pixels
