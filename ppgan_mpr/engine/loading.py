"""Loading of batches with Paddle's DataLoader, robust against exceptions and signals.

An exception in a data set would end the thread of Paddle's reader, and the trainer would wait
forever. So exceptions are passed on as samples and raised where the batch is used. Workers that a
signal kills would end the trainer, too. So workers ignore signals.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Generator
from typing import Any, Callable

import numpy as np
from paddle.io import DataLoader, Dataset
from paddle.io.dataloader.collate import default_collate_fn

from ..ending_signals import ENDING
from ..errors import RestorationError

Collate = Callable[[list], Any]


def load_batches(
    dataset: Dataset,
    batches: Any,
    num_workers: int = 0,
    use_shared_memory: bool = True,
    collate: Collate = default_collate_fn,
) -> Generator[Any, None, None]:
    """Yield the batches of a data set in order.

    Closing the generator, or an exception, ends the workers.

    Args:
        dataset: map-style data set.
        batches: a batch sampler, which yields lists of indices of the data set.
        num_workers: number of processes that load; 0 loads in a thread.
        use_shared_memory: whether workers pass arrays in shared memory.
        collate: makes a batch (a sequence) from a list of samples.

    Raises:
        RestorationError: the data set raised it, here or in a worker; its class is kept.
        RuntimeError: the data set raised another exception; the message has its traceback.
    """
    guarded: Any = _GuardedCollate(collate)
    iterator: Any = iter(
        DataLoader(
            _Guarded(dataset),
            batch_sampler=batches,
            num_workers=num_workers,
            use_shared_memory=use_shared_memory,
            collate_fn=guarded,
            worker_init_fn=_leave_signals_to_the_trainer,
        )
    )
    try:
        for batch in iterator:
            if isinstance(batch[-1], _Failure):
                raise batch[-1].error()
            yield batch
    finally:
        # Without this, a traceback could keep the workers alive until Python exits. Python then
        # sends them SIGTERM, which they ignore, and waits for them forever.
        _end_thread(iterator, num_workers)
        iterator._try_shutdown_all()


def _end_thread(iterator: Any, num_workers: int) -> None:
    """End the thread that loads if there are no workers.

    If it still ran, Paddle's shutdown would sleep for a second.
    """
    if num_workers == 0 and iterator._thread:
        iterator._exit_thread_expectedly()
        iterator._thread.join()


class _Failure:
    """An exception in a form that can always be pickled and sent between processes."""

    def __init__(self, error: Exception) -> None:
        own = isinstance(error, RestorationError)
        self.kind: type[Exception] = type(error) if own else RuntimeError
        self.message = str(error) if own else traceback.format_exc()

    def error(self) -> Exception:
        return self.kind(self.message)


class _Guarded(Dataset):
    """A data set that returns its exceptions as samples."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            return _Failure(error)


class _GuardedCollate:
    """Makes a batch of samples, or of the first exception among them."""

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, samples: list) -> list:
        failures = [sample for sample in samples if isinstance(sample, _Failure)]
        if not failures:
            try:
                return self.collate(samples)
            except Exception as error:
                failures = [_Failure(error)]
        # Paddle takes a batch without any array for the end of the data.
        return [np.zeros(1, np.float32), failures[0]]


def _leave_signals_to_the_trainer(_worker: int) -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
