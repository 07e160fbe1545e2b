"""Finds where a video changes so much that its frames should not share statistics any more."""

from __future__ import annotations

import numpy as np

_BINS = 64  # of each colour's histogram
_SAMPLES = 1 << 16  # pixels looked at, approximately
# Mean distances by which colours' values are moved, as a part of their range. From one photograph
# to another it is 0.06 to 0.33; a pan moves them by less than 0.01 from frame to frame, and in all
# by up to 0.14.
_CUT = 0.03  # since the previous frame
_DRIFT = 0.12  # since the first frame of the scene


class SceneChanges:
    """Finds cuts, and where a scene no longer resembles its beginning, by the colours of frames.

    A cut changes the distribution of colours at once, a slow pan to another subject or a change of
    light in time; motion and noise do not. A flash starts two scenes, which costs two measurements.

    Attributes:
        reference, previous: cumulative histograms [3, 64] of the scene's first and of the last
            frame; None before the first.
    """

    def __init__(self, reference: np.ndarray | None = None, previous: np.ndarray | None = None):
        self.reference, self.previous = reference, previous

    def starts_with(self, pixels: np.ndarray) -> bool:
        """Whether a new scene starts with this frame, [H, W, 3] uint8 or uint16.

        The frames are to be given in order.
        """
        colours = cumulative_histograms(pixels)
        same = (
            self.reference is not None
            and self.previous is not None
            and distance(colours, self.previous) < _CUT
            and distance(colours, self.reference) < _DRIFT
        )
        self.previous = colours
        if not same:
            self.reference = colours
        return not same


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """How far the values of one picture are from those of another, from 0 to 1.

    Args:
        one, other: see :func:`cumulative_histograms`.
    """
    return float(np.abs(one - other).mean())


def cumulative_histograms(pixels: np.ndarray) -> np.ndarray:
    """The share of pixels up to each of 64 levels, of each colour: [3, 64] float32.

    The mean difference of two of them is how far the values of one picture have to be moved, in
    the mean, to be distributed like those of the other (the earth mover's distance).
    """
    step = max(1, int((pixels.shape[0] * pixels.shape[1] / _SAMPLES) ** 0.5))
    levels = pixels[::step, ::step] >> (2 if pixels.dtype == np.uint8 else 10)
    counts = [np.bincount(levels[..., c].ravel(), minlength=_BINS) for c in range(3)]
    return (np.cumsum(counts, axis=1) / levels[..., 0].size).astype(np.float32)
