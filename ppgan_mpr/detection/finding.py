"""Finds the degradation of a picture: noise, motion blur, rain, low light or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..imaging import Photo
from .classifier import probabilities
from .crops import crops_of, overview_of
from .features import measure

#: Minimum probability to restore a picture without asking; see ``docs/detection.md``.
CONFIDENT = 0.9


@dataclass(frozen=True)
class Finding:
    """The degradation found in a picture, and its probability.

    Attributes:
        probabilities: degradation → probability, "" for none; the sum is 1. The degradations
            are those that :attr:`ppgan_mpr.networks.Task.degradation` names.
    """

    probabilities: Mapping[str, float]

    @property
    def degradation(self) -> str:
        """The most probable degradation, or "" for none."""
        return max(self.probabilities, key=lambda kind: self.probabilities[kind])

    @property
    def confidence(self) -> float:
        """The probability of :attr:`degradation`."""
        return self.probabilities[self.degradation]

    @property
    def certain(self) -> bool:
        """Whether the confidence reaches :data:`CONFIDENT`."""
        return self.confidence >= CONFIDENT

    def __str__(self) -> str:
        percent = math.floor(100 * self.confidence)  # 99.5 % is not "100 % sure"
        return f"{self.degradation or 'nothing to restore'} ({percent} %)"

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON's types."""
        rounded = {kind or "none": round(p, 3) for kind, p in self.probabilities.items()}
        confidence = rounded[self.degradation or "none"]
        return {
            "degradation": self.degradation,
            "confidence": confidence,
            "probabilities": rounded,
        }


def detect(photo: Photo) -> Finding:
    """Detect the degradation of a picture of any size in at most about a third of a second.

    Args:
        photo: 8 or 16 bits or float, grey or colour. A photo of a single colour, such as a black
            frame, has nothing to restore.
    """
    found = probabilities(measure(crops_of(photo), overview_of(photo)))
    if np.ptp(photo.pixels, axis=(0, 1)).max() == 0:
        found = {kind: float(not kind) for kind in found}
    return Finding(found)
