"""The eight flips and rotations of a picture, for self-ensembles (Timofte et al., CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Transform:
    """One of the eight flips and rotations: flips first, then a transposition.

    Attributes:
        transpose: whether rows and columns are swapped.
        flip_rows: whether the picture is flipped vertically.
        flip_columns: whether the picture is flipped horizontally.
    """

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Transform a picture [H, W, C]; the result is a view."""
        image = image[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return image.swapaxes(0, 1) if self.transpose else image

    def undo(self, image: np.ndarray) -> np.ndarray:
        """Undo :meth:`apply`."""
        image = image.swapaxes(0, 1) if self.transpose else image
        return image[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def place(
        self, top: float, left: float, height: float, width: float
    ) -> tuple[float, float, float, float]:
        """Position of a part of the picture after :meth:`apply`, in fractions of the sides."""
        if self.flip_rows:
            top = 1 - top - height
        if self.flip_columns:
            left = 1 - left - width
        return (left, top, width, height) if self.transpose else (top, left, height, width)


#: All eight, the identity first.
TRANSFORMS = tuple(
    Transform(transpose, rows, columns)
    for transpose in (False, True)
    for rows in (False, True)
    for columns in (False, True)
)
