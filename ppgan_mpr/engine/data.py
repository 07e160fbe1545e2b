"""The training data: an order and random numbers that follow from seed and iteration alone."""

from __future__ import annotations

import random

import numpy as np
from paddle.io import DataLoader, Dataset

from ..datasets import ResumableBatchSampler, SampleIndex

# The loader's workers start anew with each epoch of the sampler, so that for a small data set
# one of its epochs is several passes. It may depend on nothing that a resumed run may change.
_SAMPLES_BETWEEN_RESTARTS = 16384


class TrainingData:
    """A data set and the position in it.

    Args:
        dataset: map-style data set of training samples.
        settings: section ``dataset.train`` of the configuration.
        seed: of order and augmentation.
        rank: this process.
        world_size: number of processes, which share each batch.

    Attributes:
        batch: samples in an iteration, of all processes together.
        iters_per_epoch: iterations that see as many samples as there are, rounded up.
        loader: iterates over batches from the current position on.
    """

    def __init__(self, dataset: Dataset, settings: dict, seed: int, rank: int, world_size: int):
        batch_size = settings.get("batch_size", 1)
        self.batch = batch_size * world_size
        self.iters_per_epoch = -(-len(dataset) // self.batch)
        self.sampler = ResumableBatchSampler(
            dataset,
            batch_size,
            num_replicas=world_size,
            rank=rank,
            seed=seed,
            repeat=-(-_SAMPLES_BETWEEN_RESTARTS // len(dataset)),
        )
        self.loader = DataLoader(
            SeededDataset(dataset),
            batch_sampler=self.sampler,
            num_workers=settings.get("num_workers", 0),
            use_shared_memory=settings.get("use_shared_memory", True),
        )


class SeededDataset(Dataset):
    """Makes any data set draw the same random numbers for the same sample.

    MPRTrain needs no help, its patches follow from the index. Others draw from ``random`` or
    ``numpy.random``, at a time and in a worker that nobody controls: both generators are
    seeded with what identifies the sample.

    Args:
        dataset: to be read with indices of a ``ResumableBatchSampler``.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: SampleIndex):
        seed_everything(*index.draw)
        return self.dataset[index]


def mix_seed(*numbers: int) -> int:
    """One seed made of several numbers, another one for every combination of them."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def seed_everything(*numbers: int) -> int:
    """Seed ``random`` and ``numpy.random`` with the :func:`mix_seed` that is returned."""
    seed = mix_seed(*numbers)
    random.seed(seed)
    np.random.seed(seed)
    return seed
