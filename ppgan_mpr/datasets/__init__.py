"""Pairs for training and scoring: folders, patches, augmentation and the order of samples."""

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
