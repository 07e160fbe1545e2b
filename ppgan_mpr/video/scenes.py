"""Finds the frames of a video at which a new scene starts."""

from __future__ import annotations

import numpy as np

_BINS = 64  # of each colour's histogram
_SAMPLES = 1 << 16  # approximate number of pixels in the histograms
# Thresholds of `distance`. Between two photographs the distance is 0.06 to 0.33. In a pan it is
# below 0.01 from frame to frame and up to 0.14 in total.
_CUT = 0.03  # since the previous frame
_DRIFT = 0.12  # since the first frame of the scene


class SceneChanges:
    """Detects new scenes by comparing the colours of frames.

    A cut changes the distribution of colours at once. A slow pan to another subject or a change of
    light changes it gradually. Motion and noise do not change it. A flash starts two scenes. This
    does no harm: the averages of features that the network uses are only measured twice more.

    Attributes:
        reference, previous: cumulative histograms [3, 64] of the scene's first frame and of the
            latest frame; None before the first frame.
    """

    def __init__(self, reference: np.ndarray | None = None, previous: np.ndarray | None = None):
        self.reference, self.previous = reference, previous

    def starts_with(self, pixels: np.ndarray) -> bool:
        """Whether a new scene starts with this frame, [H, W, 3] uint8 or uint16.

        Frames must be passed in order.
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
    """Distance between the colours of two pictures, from 0 to 1 (the earth mover's distance).

    Args:
        one, other: see :func:`cumulative_histograms`.
    """
    return float(np.abs(one - other).mean())


def cumulative_histograms(pixels: np.ndarray) -> np.ndarray:
    """Cumulative histograms of the three colours with 64 levels each: [3, 64] float32 in [0, 1].

    The mean absolute difference of two of them is the earth mover's distance: how far the values
    of one picture have to move on average to be distributed like those of the other.
    """
    step = max(1, int((pixels.shape[0] * pixels.shape[1] / _SAMPLES) ** 0.5))
    levels = pixels[::step, ::step] >> (2 if pixels.dtype == np.uint8 else 10)
    counts = [np.bincount(levels[..., c].ravel(), minlength=_BINS) for c in range(3)]
    return (np.cumsum(counts, axis=1) / levels[..., 0].size).astype(np.float32)
