"""A batch sampler with a seeded order that processes share and that can resume at any batch."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from ..errors import UsageError

# First number of every seed, so that the order and the samples use different random numbers.
_ORDER, _SAMPLE = 1, 2


class SampleIndex(int):
    """The index of a sample, with all other values that its patch depends on.

    Other data sets can use it as an ordinary int. It is sent to the worker that draws the patch,
    so the worker's own state does not affect the result.

    Attributes:
        draw: the seed of the patch: (seed, pass over the data set, sample).
        patch_size: side of the patch in pixels, or None for the data set's patch size.
    """

    draw: tuple[int, ...]
    patch_size: int | None

    def __new__(
        cls, value: int, draw: tuple[int, ...], patch_size: int | None = None
    ) -> SampleIndex:
        self = super().__new__(cls, value)
        self.draw = draw
        self.patch_size = patch_size
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return int(self), self.draw, self.patch_size

    def __mod__(self, size: int) -> SampleIndex:
        # PaddleGAN's RepeatDataset wraps indices in this way, and each repeat needs other patches.
        return SampleIndex(int(self) % size, self.draw, self.patch_size)


def sample_rng(index: int) -> np.random.Generator:
    """The random generator of one patch.

    For a :class:`SampleIndex` its seed is ``draw``. For a plain int (from another sampler) the seed
    is drawn from numpy's global state, which Paddle seeds differently in every worker.
    """
    if isinstance(index, SampleIndex):
        return np.random.default_rng((_SAMPLE, *index.draw))
    return np.random.default_rng((_SAMPLE, np.random.randint(2**31), int(index)))


class ResumableBatchSampler:
    """Batches of sample indices for ``paddle.io.DataLoader(batch_sampler=...)``.

    Every epoch is a new permutation that depends only on the seed and the epoch. Samples that do
    not fill a batch in all processes are left out. The processes share each global batch. So a
    global batch of the same size has the same samples and augmentation for any number of processes.

    The position is a number of samples, not the state of an iterator: workers read ahead, so only
    the trainer knows how far training is. It calls :meth:`advance` after each batch and stores
    :meth:`state_dict`. A new iterator starts exactly there, without decoding skipped samples.

    Args:
        dataset: anything with a length.
        batch_size: number of samples of a batch in this process.
        num_replicas: number of processes.
        rank: rank of this process.
        seed: seed of the run, 0 or more.
        repeat: passes over the data set in an epoch, for data sets smaller than a batch.
        patch_size: side of the patches in pixels, or None for the data set's patch size.

    Attributes:
        batch_size, patch_size: current values; :meth:`resize` changes them.
        epoch: the current epoch, from 0.
        consumed: samples of this epoch that all processes together have trained on.

    Raises:
        UsageError: an argument is out of range, or the data set does not fill one batch.

    Example:
        >>> sampler = ResumableBatchSampler(range(10), batch_size=4, seed=1)
        >>> first, second = sampler
        >>> sampler.advance()
        >>> list(sampler) == [second]
        True
    """

    def __init__(
        self,
        dataset: Sized,
        batch_size: int,
        *,
        num_replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
        repeat: int = 1,
        patch_size: int | None = None,
    ):
        if batch_size < 1 or repeat < 1 or seed < 0 or not 0 <= rank < num_replicas:
            raise UsageError(
                f"batch_size {batch_size}, repeat {repeat}, seed {seed}, rank {rank} of "
                f"{num_replicas}: batch_size and repeat must be at least 1, seed and rank at "
                "least 0, and rank less than the number of processes"
            )
        self.epoch = 0
        self.consumed = 0
        self._size = len(dataset)
        self._num_replicas = num_replicas
        self._rank = rank
        self._seed = seed
        self._repeat = repeat
        self.resize(batch_size, patch_size)

    def __len__(self) -> int:
        """Number of batches of this process in a whole epoch at the current batch size."""
        return self._epoch_size // self._global_batch

    def __iter__(self) -> Iterator[list[SampleIndex]]:
        """Batches from the current position to the end of the epoch."""
        samples, position = self._samples(self.epoch), self.consumed
        while position + self._global_batch <= len(samples):
            batch = samples[position : position + self._global_batch]
            position += len(batch)
            yield [
                SampleIndex(index, (self._seed, number, index), self.patch_size)
                for number, index in batch[self._rank :: self._num_replicas]
            ]

    def resize(self, batch_size: int, patch_size: int | None = None) -> None:
        """Change batch size and patch size from the current position on (progressive training).

        Batches that have been read ahead keep the old sizes: start a new iterator.

        Raises:
            UsageError: the data set does not fill one batch.
        """
        self.batch_size = batch_size
        self.patch_size = patch_size
        if self._epoch_size < self._global_batch:
            raise UsageError(
                f"the data set gives {self._epoch_size} samples per epoch, but one batch takes "
                f"{self._global_batch}: lower batch_size or raise repeat"
            )
        self._leave_rest()

    def set_epoch(self, epoch: int, consumed: int = 0) -> None:
        """Go to an epoch and skip its first ``consumed`` samples (of all processes together)."""
        self.epoch = epoch
        self.consumed = consumed

    def advance(self) -> None:
        """Record that every process has trained on one batch of the current size."""
        self.consumed += self._global_batch
        self._leave_rest()

    def state_dict(self) -> dict[str, int]:
        """The position for a checkpoint, equal in all processes."""
        return {
            "seed": self._seed,
            "epoch": self.epoch,
            "consumed": self.consumed,
            "size": self._size,
        }

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to the position of a :meth:`state_dict`; batch size and processes may differ.

        Raises:
            UsageError: the size of the data set has changed.
        """
        if state["size"] != self._size:
            raise UsageError(
                f"the checkpoint was trained on {state['size']} samples, but the data set now has "
                f"{self._size}: restore the data set, or start a new run from the weights"
            )
        self._seed = state["seed"]
        self.set_epoch(state["epoch"], state["consumed"])
        self._leave_rest()

    @property
    def passes(self) -> int:
        """Number of finished passes over the data set."""
        return (self.epoch * self._epoch_size + self.consumed) // self._size

    def _leave_rest(self) -> None:
        """Go to the next epoch if the rest of this one does not fill a batch."""
        if self._epoch_size - self.consumed < self._global_batch:
            self.set_epoch(self.epoch + 1)

    @property
    def _global_batch(self) -> int:
        return self.batch_size * self._num_replicas

    @property
    def _epoch_size(self) -> int:
        return self._size * self._repeat

    def _samples(self, epoch: int) -> list[tuple[int, int]]:
        """All (pass over the data set, sample) of an epoch, in order."""
        samples = []
        for number in range(epoch * self._repeat, (epoch + 1) * self._repeat):
            order = np.arange(self._size)
            np.random.default_rng((_ORDER, self._seed, number)).shuffle(order)
            samples += [(number, index) for index in order.tolist()]
        return samples
