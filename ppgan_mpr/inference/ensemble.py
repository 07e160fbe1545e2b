"""The eight flips and rotations of a picture (self-ensemble, Timofte et al., CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Transform:
    """One of the eight symmetries of a rectangle's grid."""

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    def apply(self, image: np.ndarray) -> np.ndarray:
        """[H, W, C] → the transformed picture, a view."""
        image = image[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return image.swapaxes(0, 1) if self.transpose else image

    def undo(self, image: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`apply`."""
        image = image.swapaxes(0, 1) if self.transpose else image
        return image[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def place(self, top: float, left: float, height: float, width: float) -> tuple:
        """Where a part of the picture is after :meth:`apply`, in fractions of the sides."""
        if self.flip_rows:
            top = 1 - top - height
        if self.flip_columns:
            left = 1 - left - width
        return (left, top, width, height) if self.transpose else (top, left, height, width)


#: The identity first.
TRANSFORMS = tuple(
    Transform(transpose, rows, columns)
    for transpose in (False, True)
    for rows in (False, True)
    for columns in (False, True)
)
