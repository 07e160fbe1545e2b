"""Finds where a video changes so much that its frames should not share statistics any more."""

from __future__ import annotations

import numpy as np

_BINS = 32  # of each colour's histogram
_SAMPLES = 1 << 16  # pixels looked at, approximately
# Mean distance by which a colour's values are moved, of their whole range. Pans over one subject
# stay below a third of it; cuts between two photographs are above it nearly always.
_CHANGE = 0.06


class SceneChanges:
    """Compares the colours of each frame with those of its scene's first frame.

    A cut changes the distribution of colours, and so does a slow pan to another subject or a
    change of light; motion, noise and a pan over one subject do not. A flash starts two scenes,
    which costs two measurements.

    Attributes:
        reference: cumulative histograms [3, 32] of the scene's first frame; None before the first.
    """

    def __init__(self, reference: np.ndarray | None = None):
        self.reference = reference

    def starts_with(self, pixels: np.ndarray) -> bool:
        """Whether a new scene starts with this frame, [H, W, 3] uint8 or uint16.

        The frames are to be given in order.
        """
        colours = cumulative_histograms(pixels)
        if self.reference is not None and np.abs(colours - self.reference).mean() < _CHANGE:
            return False
        self.reference = colours
        return True


def cumulative_histograms(pixels: np.ndarray) -> np.ndarray:
    """The share of pixels up to each of 32 levels, of each colour: [3, 32] float32.

    The mean difference of two of them is the distance by which the values of one picture have to
    be moved to become those of the other, in the mean and as a part of their range.
    """
    step = max(1, int((pixels.shape[0] * pixels.shape[1] / _SAMPLES) ** 0.5))
    levels = pixels[::step, ::step] >> (3 if pixels.dtype == np.uint8 else 11)
    counts = [np.bincount(levels[..., c].ravel(), minlength=_BINS) for c in range(3)]
    return (np.cumsum(counts, axis=1) / levels[..., 0].size).astype(np.float32)
