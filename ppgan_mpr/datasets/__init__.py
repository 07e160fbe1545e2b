"""Training and scoring pairs: folders, patches, augmentation, and the order of training."""

from __future__ import annotations

from .augment import MixUp
from .mpr_dataset import MPRTest, MPRTrain, MPRVal
from .sampler import ResumableBatchSampler, SampleIndex

__all__ = [
    "MPRTest",
    "MPRTrain",
    "MPRVal",
    "MixUp",
    "ResumableBatchSampler",
    "SampleIndex",
]
