"""Program that runs Paddle's DataLoader for the tests of the data sets.

    python loader_runs.py FOLDER_OF_PAIRS

It is a process of its own because Paddle forks its workers, and a process in which other libraries
have started threads must not be forked. Prints digests of the loaded samples as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import paddle
from paddle.io import DataLoader

from ppgan_mpr.datasets import MPRTrain, ResumableBatchSampler

WORKERS = 2 if sys.platform == "linux" else 0


def digest(*arrays) -> str:
    return hashlib.sha256(b"".join(np.asarray(array).tobytes() for array in arrays)).hexdigest()


def train(folder, batches, workers, state=None, cache_gb=0.0):
    """Digests of some batches, and the sampler's state after them."""
    dataset = MPRTrain(folder, {"patch_size": 16, "saturation": 0.2, "cache_gb": cache_gb})
    sampler = ResumableBatchSampler(dataset, 2, seed=4)
    if state:
        sampler.load_state_dict(state)
    loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers)
    seen = []
    while len(seen) < batches:
        for target, degraded, names in loader:
            seen.append([*names, digest(target, degraded)])
            sampler.advance()
            if len(seen) == batches:
                break
    return seen, sampler.state_dict()


def resumed(folder, workers, cache_gb):
    first, state = train(folder, 5, workers, cache_gb=cache_gb)
    second, end = train(folder, 3, workers, state, cache_gb)
    return first + second, end


def after_an_epoch_of_workers(folder):
    """Digests of samples before and after their files are removed; then the cache serves them."""
    dataset = MPRTrain(folder, {"patch_size": 16, "cache_gb": 1e-3})
    indices = next(iter(ResumableBatchSampler(dataset, len(dataset), seed=4)))
    before = [digest(*MPRTrain(folder, {"patch_size": 16})[index][:2]) for index in indices]
    loader = DataLoader(dataset, batch_size=1, num_workers=WORKERS)
    for _ in loader:
        pass
    for path in Path(folder).rglob("*.png"):
        path.unlink()
    return before, [digest(*dataset[index][:2]) for index in indices]


class Repeated(paddle.io.Dataset):
    """A data set that gives the same photo eight times per epoch."""

    def __init__(self, folder):
        self.dataset = MPRTrain(folder, {"patch_size": 16})

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.dataset[0]


def main(folder):
    paddle.set_device("cpu")
    runs = {
        "uninterrupted": train(folder, 8, 0),
        "resumed": [
            resumed(folder, workers, cache_gb) for workers in {0, WORKERS} for cache_gb in (0, 1e-3)
        ],
        "plain": [digest(batch[0]) for batch in DataLoader(Repeated(folder), num_workers=WORKERS)],
        "shared": after_an_epoch_of_workers(folder),
    }
    print(json.dumps(runs))


if __name__ == "__main__":
    main(sys.argv[1])
