"""Training data whose order and random numbers depend only on seed and iteration."""

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
from .progressive import Phase, Progressive

# The loader's workers restart with each epoch of the sampler. So for a small data set, one epoch
# of the sampler has several passes. Their number follows from a constant, not from an
# option, because a resumed run must have the same number.
_SAMPLES_BETWEEN_RESTARTS = 16384


class ElsewhereError(RestorationError):
    """Another process failed to read its batch."""


class TrainingData:
    """A training set, the position in it, and its batches.

    Args:
        dataset: map-style data set of training samples.
        settings: section ``dataset.train`` of the configuration.
        seed: seed of order and augmentation.
        rank: rank of this process.
        world_size: number of processes, which share each batch.
        progressive: the sizes of patches and batches by iteration; None uses ``settings``.
        accumulate: number of slices of each batch without ``progressive``.

    Attributes:
        iteration: iteration of the next batch, from 1.
        iters_per_epoch: number of iterations for one pass over the data set, rounded up.
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
        """Read the batch at the current position; :meth:`advance` goes to the next one.

        Either all processes get their batches, or none.

        Raises:
            Exception: the data set raised it.
            ElsewhereError: the data set raised an exception in another process.
        """
        batch = failure = None
        try:
            batch = self._read()
        except Exception as error:
            failure = error
        if processes.in_any(failure):
            raise failure or ElsewhereError(
                "Another process cannot read its data: see its own log for the reason."
            )
        return batch

    def _read(self) -> Any:
        if self._batches is not None and self._sizes == self._sizes_read:
            batch = next(self._batches, None)
            if batch is not None:
                return batch
        # At the end of an epoch of the sampler, or where workers have read ahead with the sizes of
        # the previous phase.
        self.close()
        self._sizes_read = self._sizes
        self._batches = load_batches(self._dataset, self.sampler, **self._loading)
        return next(self._batches)

    def advance(self) -> bool:
        """Go to the next batch; returns whether it has another batch size or patch size."""
        self.sampler.advance()
        return self.go_to(self.iteration + 1)

    def restart(self, iteration: int) -> None:
        """Return to the beginning, and advance from there to an iteration."""
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
        """Set the iteration, with the batch size and patch size of its phase.

        Returns:
            Whether one of these sizes differs from the previous one.
        """
        self.iteration = iteration
        before = self._sizes
        if self.phase:
            self.sampler.resize(self.phase.batch_size, self.phase.patch_size)
        return self._sizes != before

    @property
    def batch(self) -> int:
        """Number of samples in an iteration, of all processes together."""
        return self.sampler.batch_size * self._world_size

    @property
    def accumulate(self) -> int:
        """Number of slices of the next batch that pass through the network one after the other."""
        return self.phase.accumulate if self.phase else self._accumulate

    @property
    def phase(self) -> Phase | None:
        """The phase of progressive training that the next batch belongs to."""
        return self.progressive.at(self.iteration) if self.progressive else None

    @property
    def epoch(self) -> int:
        """The pass over the data set that the next batch belongs to, from 1."""
        return self.sampler.passes + 1

    @property
    def _sizes(self) -> tuple[int, int | None]:
        return self.sampler.batch_size, self.sampler.patch_size


class SeededDataset(Dataset):
    """Wraps a data set so that its random numbers depend only on seed, pass and sample.

    Each index has these three numbers, see ``SampleIndex.draw``. MPRTrain draws its patches from
    them. Other data sets draw from ``random`` or ``numpy.random``, at any time and in any worker.
    So both generators are seeded with the three numbers for each sample.

    Args:
        dataset: the data set; it is read with indices of a ``ResumableBatchSampler``.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    # Paddle passes the batch sampler's indices on unchanged.
    def __getitem__(self, index: SampleIndex) -> Any:
        seed_everything(*index.draw)
        return self.dataset[index]


def mix_seed(*numbers: int) -> int:
    """Mix several numbers into one 32-bit seed; two combinations rarely give the same one."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def seed_everything(*numbers: int) -> int:
    """Seed ``random`` and ``numpy.random`` with :func:`mix_seed`, and return the seed."""
    seed = mix_seed(*numbers)
    random.seed(seed)
    np.random.seed(seed)
    return seed
