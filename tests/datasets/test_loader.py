"""The data sets and the sampler inside Paddle's DataLoader."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ppgan_mpr.datasets import MPRTrain, ResumableBatchSampler

paddle = pytest.importorskip("paddle")

WORKERS = [0, 2] if sys.platform == "linux" else [0]


@pytest.fixture(autouse=True)
def on_cpu():
    device = paddle.get_device()
    paddle.set_device("cpu")
    yield
    paddle.set_device(device)


def _train(folder, batches, workers, state=None, cache_gb=0):
    dataset = MPRTrain(folder, {"patch_size": 16, "saturation": 0.2, "cache_gb": cache_gb})
    sampler = ResumableBatchSampler(dataset, 2, seed=4)
    if state:
        sampler.load_state_dict(state)
    loader = paddle.io.DataLoader(dataset, batch_sampler=sampler, num_workers=workers)
    seen = []
    while len(seen) < batches:
        for target, degraded, names in loader:
            seen.append((list(names), target.numpy(), degraded.numpy()))
            sampler.advance()
            if len(seen) == batches:
                break
    return seen, sampler.state_dict()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("cache_gb", [0, 1e-3])
def test_a_resumed_run_sees_what_the_uninterrupted_one_saw(pair_folder, workers, cache_gb):
    folder = pair_folder(7)
    whole, end = _train(folder, 8, 0)
    first, state = _train(folder, 5, workers, cache_gb=cache_gb)
    second, resumed_end = _train(folder, 3, workers, state, cache_gb)
    assert resumed_end == end
    for got, expected in zip(first + second, whole):
        assert got[0] == expected[0]
        assert np.array_equal(got[1], expected[1]) and np.array_equal(got[2], expected[2])


@pytest.mark.skipif(len(WORKERS) == 1, reason="Paddle's workers run on Linux only")
def test_workers_share_the_cache(pair_folder):
    folder = pair_folder(4)
    dataset = MPRTrain(folder, {"patch_size": 16, "cache_gb": 1e-3})
    sampler = ResumableBatchSampler(dataset, 1, seed=4)
    for _ in paddle.io.DataLoader(dataset, batch_sampler=sampler, num_workers=2):
        pass
    assert all(dataset._cache.get(number) is not None for number in range(8))


def test_plain_loaders_give_every_worker_its_own_patches(pair_folder):
    dataset = MPRTrain(pair_folder(1), {"patch_size": 16})

    class Repeated(paddle.io.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            return dataset[index % 1]

    loader = paddle.io.DataLoader(Repeated(), batch_size=1, num_workers=WORKERS[-1])
    patches = {batch[0].numpy().tobytes() for batch in loader}
    assert len(patches) > 6  # two may be drawn alike; workers that share a seed would give 4
