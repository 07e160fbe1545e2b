"""Loading of batches with Paddle's DataLoader, robust against exceptions and signals.

An exception in a data set ends Paddle's reader, a thread, and the trainer waits forever; and
workers that a signal kills take the trainer with them. So exceptions travel as samples and are
raised where the batch is used, and workers ignore signals.
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
    """The batches of a data set, in their order.

    Closing the iterator, or leaving it by an exception, ends the workers.

    Args:
        dataset: map-style data set.
        batches: a batch sampler: iterable over lists of what the data set is indexed with.
        num_workers: processes that load; 0 loads in a thread.
        use_shared_memory: how workers hand over their arrays.
        collate: makes a batch, which is a sequence, of a list of samples.

    Raises:
        RestorationError: raised by the data set, in whichever process, with its own class.
        RuntimeError: any other exception of the data set, with its traceback in the message.
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
        # Not left to the garbage collector: a traceback would keep the workers alive, and
        # Python, which ends them by SIGTERM, would wait for them at its exit.
        _end_thread(iterator, num_workers)
        iterator._try_shutdown_all()


def _end_thread(iterator: Any, num_workers: int) -> None:
    """Wait for the thread that loads without workers; Paddle sleeps a second while it lives."""
    if num_workers == 0 and iterator._thread:
        iterator._exit_thread_expectedly()
        iterator._thread.join()


class _Failure:
    """An exception on its way between processes, in a form that can always be pickled."""

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
    """Makes a batch of the samples, or of the first exception among them."""

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
