"""Training data whose order and random numbers depend on seed and iteration alone."""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import numpy as np
from paddle.io import Dataset

from ..datasets import ResumableBatchSampler, SampleIndex
from ..errors import RestorationError
from . import processes
from .loading import load_batches
from .progressive import Progressive, Step

# The loader's workers start anew with each epoch of the sampler, so that for a small data set
# one of its epochs is several passes. It may depend on nothing that a resumed run may change.
_SAMPLES_BETWEEN_RESTARTS = 16384


class ElsewhereError(RestorationError):
    """Another process has no batch to continue with."""


class TrainingData:
    """A data set and the position in it.

    Args:
        dataset: map-style data set of training samples.
        settings: section ``dataset.train`` of the configuration.
        seed: of order and augmentation.
        rank: this process.
        world_size: number of processes, which share each batch.
        progressive: the sizes of patches and batches by iteration; None takes the settings'.
        accumulate: slices of each batch where there is no ``progressive``.

    Attributes:
        iteration: the one that the next batch is for, from 1.
        iters_per_epoch: iterations that see as many samples as there are, rounded up.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: dict[str, Any],
        seed: int,
        rank: int,
        world_size: int,
        progressive: Progressive | None = None,
        accumulate: int = 1,
    ) -> None:
        batch_size = settings.get("batch_size", 1)
        self.progressive = progressive
        self._accumulate = accumulate
        self.iters_per_epoch = -(-len(dataset) // (batch_size * world_size))
        self.sampler = ResumableBatchSampler(
            dataset,
            batch_size,
            num_replicas=world_size,
            rank=rank,
            seed=seed,
            repeat=-(-_SAMPLES_BETWEEN_RESTARTS // len(dataset)),
        )
        self._world_size = world_size
        self._dataset = SeededDataset(dataset)
        self._loading = {
            "num_workers": settings.get("num_workers", 0),
            "use_shared_memory": settings.get("use_shared_memory", True),
        }
        self._batches: Generator[Any, None, None] | None = None
        self._sizes_read = self._sizes
        self.go_to(1)

    def next_batch(self) -> Any:
        """The batch at the current position; :meth:`advance` goes on to the next one.

        All processes get theirs together, or none.

        Raises:
            Exception: of the data set.
            ElsewhereError: the data set raised one in another process.
        """
        batch = failure = None
        try:
            batch = self._read()
        except Exception as error:
            failure = error
        if processes.in_any(failure):
            raise failure or ElsewhereError(
                "Another process cannot continue with its data: see its own log for the reason."
            )
        return batch

    def _read(self) -> Any:
        if self._batches is not None and self._sizes == self._sizes_read:
            batch = next(self._batches, None)
            if batch is not None:
                return batch
        # At the end of an epoch of the sampler, and where workers have read ahead with the
        # sizes of the step before.
        self.close()
        self._sizes_read = self._sizes
        self._batches = load_batches(self._dataset, self.sampler, **self._loading)
        return next(self._batches)

    def advance(self) -> bool:
        """Count the batch as trained on; returns whether the next one has other sizes."""
        self.sampler.advance()
        return self.go_to(self.iteration + 1)

    def restart(self, iteration: int) -> None:
        """Go to an iteration as if all before it had been trained on."""
        self.close()
        self.sampler.set_epoch(0)
        self.go_to(1)
        while self.iteration < iteration:
            self.advance()

    def close(self) -> None:
        """End the workers; the next batch starts new ones."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def go_to(self, iteration: int) -> bool:
        """Give the next batches the sizes of this iteration.

        Returns:
            Whether they differ from those before.
        """
        self.iteration = iteration
        before = self._sizes
        if self.step:
            self.sampler.resize(self.step.batch_size, self.step.patch_size)
        return self._sizes != before

    @property
    def batch(self) -> int:
        """Samples in an iteration, of all processes together."""
        return self.sampler.batch_size * self._world_size

    @property
    def accumulate(self) -> int:
        """Slices of the next batch that pass through the network one after the other."""
        return self.step.accumulate if self.step else self._accumulate

    @property
    def step(self) -> Step | None:
        """The step of progressive training that the next batch belongs to."""
        return self.progressive.at(self.iteration) if self.progressive else None

    @property
    def epoch(self) -> int:
        """The pass over the data set that the next batch belongs to, from 1."""
        return self.sampler.passes + 1

    @property
    def _sizes(self) -> tuple[int, int | None]:
        return self.sampler.batch_size, self.sampler.patch_size


class SeededDataset(Dataset):
    """Makes any data set draw the same random numbers for the same sample.

    MPRTrain's patches depend on the index alone. Other data sets draw from ``random`` or
    ``numpy.random``, at any time and in any worker: both generators are seeded with what
    identifies the sample.

    Args:
        dataset: to be read with indices of a ``ResumableBatchSampler``.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    # Paddle passes on whatever the batch sampler yields.
    def __getitem__(self, index: SampleIndex) -> Any:
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
