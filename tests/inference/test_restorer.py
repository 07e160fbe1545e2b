import dataclasses

import numpy as np
import pytest
from inference_samples import psnr, restorer

from ppgan_mpr.inference import Model
from ppgan_mpr.networks.mprnet.spec import SPEC
from ppgan_mpr.weights import load_weights


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 30), (65, 3)])
def test_picture_of_any_size_keeps_it(model, size):
    image = np.random.default_rng(0).random([*size, 3], np.float32)
    assert restorer(model)(image).shape == image.shape


def test_tiles_attend_to_the_whole_photo(cache):
    """One side is smooth and dark, the other bright and full of detail."""
    model = Model("lite", SPEC, load_weights("lite:Deraining").build, cache)
    detail = np.random.default_rng(0).random([96, 320, 3])
    photo = (np.linspace(0, 1, 320) ** 2)[None, :, None] * (0.4 + 0.6 * detail)
    photo = photo.astype(np.float32)
    whole = restorer(model)(photo)
    separate = dataclasses.replace(SPEC, shared_layers=())
    alone = restorer(
        Model("alone", separate, load_weights("lite:Deraining").build, cache), tile=176
    )
    shared = psnr(restorer(model, tile=176)(photo), whole)
    assert shared > psnr(alone(photo), whole) + 3


def test_little_memory_means_tiles(model, photo):
    finished = []
    small = restorer(model, memory="4M", overlap=8)
    small(photo, lambda done, total: finished.append((done, total)))
    count = finished[0][1]
    assert count > 1
    assert finished == [(done, count) for done in range(1, count + 1)]


def test_a_tile_that_runs_out_of_memory_is_halved(model, photo, monkeypatch):
    restore = restorer(model, tile=128)
    run, ran, failed = restore.backend.run, [], []

    def scarce(picture, statistics=None):
        if len(ran) >= 2 and picture.shape[2] * picture.shape[3] > 8_000:
            failed.append(picture.shape)
            raise MemoryError
        ran.append(picture.shape)
        return run(picture, statistics)

    photo = np.tile(photo, [2, 1, 1])
    expected = restore(photo)
    monkeypatch.setattr(restore.backend, "run", scarce)
    assert psnr(restore(photo), expected) > 25
    assert len(failed) == 1  # the others are not even tried at that size
    assert ran[0][2] * ran[0][3] > 8_000  # what was finished was kept


def test_a_whole_photo_that_runs_out_of_memory_becomes_tiles_that_share_averages(
    model, photo, monkeypatch
):
    photo = np.tile(photo, [2, 1, 1])
    restore = restorer(model)
    run, given = restore.backend.run, []

    def scarce(picture, statistics=None):
        if picture.shape[2] * picture.shape[3] > 20_000:
            raise MemoryError
        given.append(statistics is not None)
        return run(picture, statistics)

    finished = []
    monkeypatch.setattr(restore.backend, "run", scarce)
    restore(photo, lambda *counts: finished.append(counts))
    assert len(given) > 1
    assert all(given)
    assert finished[-1] == (len(given), len(given))


def test_a_sample_that_runs_out_of_memory_is_tried_once_more(model, photo, monkeypatch):
    photo = np.tile(photo, [2, 2, 1])
    restore = restorer(model, tile=200)
    measure, sizes = restore.backend.measure, []

    def scarce(picture):
        sizes.append(picture.shape[2] * picture.shape[3])
        if len(sizes) == 1:
            raise MemoryError
        return measure(picture)

    monkeypatch.setattr(restore.backend, "measure", scarce)
    assert restore(photo).shape == photo.shape
    assert len(sizes) == 2

    def never(picture):
        raise MemoryError

    monkeypatch.setattr(restore.backend, "measure", never)
    with pytest.raises(MemoryError):
        restore(photo)


def test_too_little_memory_for_anything(model, photo, monkeypatch):
    restore = restorer(model)

    def never(picture, statistics=None):
        raise MemoryError

    monkeypatch.setattr(restore.backend, "run", never)
    with pytest.raises(MemoryError):
        restore(photo)


def test_shortage_of_memory_is_forgotten(model, photo, monkeypatch):
    restore = restorer(model)
    run, shapes = restore.backend.run, []

    def short(picture, statistics=None):
        shapes.append(picture.shape)
        if len(shapes) == 1:
            raise MemoryError
        return run(picture, statistics)

    monkeypatch.setattr(restore.backend, "run", short)
    restore(photo)
    assert len(shapes) > 2
    shapes[1:] = []
    for _ in range(3):
        restore(photo)
    assert shapes[-1] == shapes[0]  # whole again
