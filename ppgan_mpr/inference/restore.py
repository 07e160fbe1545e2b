"""A whole picture through a network that wants particular sizes."""

from __future__ import annotations

from typing import Callable

import numpy as np


def pad_to_multiple(image: np.ndarray, multiple: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Grow a picture on all four sides until height and width are multiples.

    The border mirrors the picture, so that no side meets an artificial edge; where the
    picture is too small to mirror, its last row or column is repeated.

    Args:
        image: [H, W, C].
        multiple: of the result's height and width.

    Returns:
        The padded picture, and the slices that cut the original out of it.
    """
    margins = []
    for size in image.shape[:2]:
        total = -size % multiple
        margins.append((total // 2, total - total // 2))
    for axis, margin in enumerate(margins):
        pad = [(0, 0)] * image.ndim
        pad[axis] = margin
        mode = "reflect" if max(margin) < image.shape[axis] else "edge"
        if any(margin):
            image = np.pad(image, pad, mode)
    (top, bottom), (left, right) = margins
    height, width = image.shape[:2]
    return image, (slice(top, height - bottom), slice(left, width - right))


def restore(
    image: np.ndarray, backend: Callable[[np.ndarray], np.ndarray], multiple: int
) -> np.ndarray:
    """Restore one picture at its full size.

    Args:
        image: [H, W, 3] float32 in [0, 1], any size from 1×1 up.
        backend: maps [1, 3, H', W'] to the same shape, sides multiples of ``multiple``.
        multiple: see ``backend``.

    Returns:
        [H, W, 3] float32, not clipped.
    """
    padded, original = pad_to_multiple(image, multiple)
    batch = np.ascontiguousarray(padded.transpose(2, 0, 1)[None])  # [1, 3, H', W']
    restored = backend(batch)[0].transpose(1, 2, 0)
    return restored[original]
