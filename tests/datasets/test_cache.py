"""The cache of decoded pictures that the processes of a machine share."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections import namedtuple

import numpy as np
import pytest

from ppgan_mpr.datasets import MPRTrain
from ppgan_mpr.datasets.cache import DecodedCache
from ppgan_mpr.datasets.pairs import find_pairs
from ppgan_mpr.datasets.reader import read_picture

pytest.importorskip("fcntl")
SPAWN = multiprocessing.get_context("spawn")
ROOM = 10**6


@pytest.fixture
def pictures(pair_folder):
    """Paths and headers of four pictures of 40x48 pixels."""
    return [file for pair in find_pairs(pair_folder(2)) for file in pair.files]


@pytest.fixture
def memory(tmp_path):
    """An empty folder for caches."""
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def _store_and_wait(pictures, memory, stored, end):
    cache = DecodedCache(pictures, ROOM, memory)
    cache.put(1, read_picture(pictures[1][0]))
    stored.set()
    end.wait(600)


def _store_and_die(pictures, memory):
    cache = DecodedCache(pictures, ROOM, memory)
    cache.put(1, read_picture(pictures[1][0]))
    os._exit(9)  # as if it were killed


def test_processes_share_stored_pictures(pictures, memory):
    stored, end = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=_store_and_wait, args=(pictures, memory, stored, end))
    other.start()
    assert stored.wait(600)
    cache = DecodedCache(pictures, ROOM, memory)
    assert cache.shared
    np.testing.assert_array_equal(cache.get(1), read_picture(pictures[1][0]))
    assert cache.get(0) is None
    end.set()
    other.join()
    assert cache.get(1) is not None  # still in use here
    assert len(list(memory.iterdir())) == 1
    del cache
    assert not list(memory.iterdir())


def test_leftovers_of_killed_processes_are_removed(pictures, memory):
    killed = SPAWN.Process(target=_store_and_die, args=(pictures, memory))
    killed.start()
    killed.join()
    (left,) = memory.iterdir()
    cache = DecodedCache(pictures[:2], ROOM, memory)
    assert not left.exists()
    assert cache.get(1) is None


def test_changed_pictures_are_not_taken_from_the_cache(pictures, memory):
    first = DecodedCache(pictures, ROOM, memory)
    first.put(1, read_picture(pictures[1][0]))
    assert DecodedCache(pictures, ROOM, memory).get(1) is not None
    os.utime(pictures[1][0], (1, 1))
    assert DecodedCache(pictures, ROOM, memory).get(1) is None


def test_folder_without_room_is_not_used(pictures, memory, monkeypatch, caplog):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    cache = DecodedCache(pictures, ROOM, memory)
    assert not cache.shared and not list(memory.iterdir())
    assert "has no room" in caplog.text
    cache.put(1, read_picture(pictures[1][0]))
    np.testing.assert_array_equal(cache.get(1), read_picture(pictures[1][0]))


def test_pictures_are_not_stored_in_a_full_folder(pictures, memory, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    cache = DecodedCache(pictures, ROOM, memory)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    cache.put(1, read_picture(pictures[1][0]))
    assert cache.get(1) is None


def test_training_uses_a_cache_in_a_folder(pair_folder, memory):
    folder = pair_folder(3)
    options = {"patch_size": 16, "cache_gb": 0.1, "cache_dir": str(memory)}
    cached, plain = MPRTrain(folder, options), MPRTrain(folder, {"patch_size": 16})
    for _ in range(2):
        for index in range(3):
            np.random.seed(index)
            target, *_ = cached[index]
            np.random.seed(index)
            np.testing.assert_array_equal(target, plain[index][0])
    assert len(list(memory.iterdir())) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Paddle has workers on Linux only")
def test_workers_share_the_cache(loader_runs):
    before, after = loader_runs["shared"]
    assert len(before) == 7 and after == before
