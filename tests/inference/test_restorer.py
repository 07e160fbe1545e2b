import dataclasses
from functools import partial

import numpy as np
import pytest
from inference_samples import psnr, restorer
from simulated_gpus import GIB, card, simulate

from ppgan_mpr.inference import Model, Restorer, TileUse
from ppgan_mpr.inference.shared_statistics import SceneStatistics
from ppgan_mpr.networks.mprnet.spec import SPEC
from ppgan_mpr.weights import load_weights


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 30), (65, 3)])
def test_pictures_of_any_size_keep_their_size(model, size):
    image = np.random.default_rng(0).random([*size, 3], np.float32)
    assert restorer(model)(image).shape == image.shape


def test_tiles_share_the_statistics_of_the_whole_photo(cache):
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


@pytest.mark.parametrize("options", [{}, {"tile": 64}, {"tile": 64, "ensemble": True}])
def test_pictures_of_a_scene_share_the_statistics_of_the_first(model, photo, options):
    restore = restorer(model, **options)
    darker = (photo / 2).astype(np.float32)

    def of_scene(image, scene):
        height, width = image.shape[:2]
        strips = restore.strips(height, width, lambda r, c: image[r, c], scene=scene)
        return np.concatenate([strip for _, strip in strips])

    scene = SceneStatistics()
    first, second = of_scene(photo, scene), of_scene(darker, scene)
    tiled = "tile" in options  # a whole picture has exact averages, a scene has sampled ones
    assert np.abs(first - restore(photo)).max() < (1e-5 if tiled else 0.05)
    assert np.abs(second - restore(darker)).max() > 0.001
    assert np.array_equal(of_scene(darker, scene), second)
    assert np.abs(of_scene(darker, SceneStatistics()) - second).max() > 0.001


def test_little_memory_leads_to_tiles(model, photo):
    finished = []
    small = restorer(model, memory="4M", overlap=8)
    small(photo, lambda done, total: finished.append((done, total)))
    count = finished[0][1]
    assert count > 1
    # Also before the statistics are measured.
    assert finished == [(0, count), *((done, count) for done in range(count + 1))]


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
    assert len(failed) == 1  # the others are not tried at that size
    assert ran[0][2] * ran[0][3] > 8_000  # finished tiles were kept


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


def test_measuring_statistics_is_retried_if_memory_runs_out(model, photo, monkeypatch):
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


def test_too_little_memory_for_the_smallest_tile_is_an_error(model, photo, monkeypatch):
    restore = restorer(model)

    def never(picture, statistics=None):
        raise MemoryError

    monkeypatch.setattr(restore.backend, "run", never)
    with pytest.raises(MemoryError):
        restore(photo)


def test_shortage_of_memory_does_not_affect_the_next_picture(model, photo, monkeypatch):
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
    assert shapes[-1] == shapes[0]  # as a whole again


@pytest.fixture
def gpus(monkeypatch):
    """Simulates GPUs; ONNX Runtime computes on the CPU for them."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    return partial(simulate, monkeypatch)


def tiles_of(restorer, image):
    used = TileUse()
    crop = lambda rows, columns: image[rows, columns]  # noqa: E731
    strips = restorer.strips(*image.shape[:2], crop, used=used)
    return np.concatenate([strip for _, strip in strips]), used


def watch(monkeypatch, restorer, fails=lambda shape: False):
    """Record the shape of every batch, and fail if ``fails(shape)``."""
    run, shapes = restorer.backend.run, []

    def watched(picture, statistics=None):
        if fails(picture.shape):
            raise MemoryError
        shapes.append(picture.shape)
        return run(picture, statistics)

    monkeypatch.setattr(restorer.backend, "run", watched)
    return shapes


def test_a_gpu_restores_the_same_pixels_in_batches(model, photo, monkeypatch, gpus):
    one_by_one = Restorer(model, backend="onnxruntime", device="cpu", tile=64)(photo)
    gpus(card())
    restorer = Restorer(model, device="gpu", tile=64)
    shapes = watch(monkeypatch, restorer)
    restored, used = tiles_of(restorer, photo)
    assert used.count > 4
    assert [shape[0] for shape in shapes] == [used.count]
    assert used.warning is None
    assert used.device == "gpu:0"
    np.testing.assert_allclose(restored, one_by_one, atol=1e-5)


def test_ensemble_in_batches_restores_the_same_pixels(model, photo, gpus):
    options = {"tile": 64, "ensemble": True}
    one_by_one = Restorer(model, backend="onnxruntime", device="cpu", **options)(photo)
    gpus(card())
    np.testing.assert_allclose(
        Restorer(model, device="gpu", **options)(photo), one_by_one, atol=1e-5
    )


def test_plan_follows_from_the_total_memory_of_the_card(model, photo, gpus):
    counts = []
    for memory in (GIB // 128, GIB // 128, 24 * GIB):
        gpus(card(memory=memory))
        counts.append(tiles_of(Restorer(model, device="gpu"), photo)[1].count)
    assert counts[0] == counts[1] > 1
    assert counts[2] == 1


def test_memory_option_replaces_the_cards_memory(model, gpus):
    gpus(card())
    assert Restorer(model, device="gpu", memory="800M").budget == 800 << 20
    assert Restorer(model, device="gpu").budget == pytest.approx(0.6 * 24 * GIB)
    assert Restorer(model, device="cpu").budget == 600 << 20


def test_batches_shrink_first_if_memory_runs_out(model, photo, monkeypatch, gpus):
    gpus(card())
    restorer = Restorer(model, device="gpu", tile=64)
    expected, planned = tiles_of(restorer, photo)
    shapes = watch(monkeypatch, restorer, fails=lambda shape: shape[0] > 2)
    restored, used = tiles_of(restorer, photo)
    np.testing.assert_allclose(restored, expected, atol=1e-5)
    assert used.smallest == planned.planned
    assert {shape[0] for shape in shapes} <= {1, 2}
    assert sum(shape[0] for shape in shapes) == used.count  # nothing was computed twice
    assert f"computed 1 at a time instead of {used.count}" in used.warning


def test_tiles_shrink_if_a_single_one_does_not_fit(model, photo, monkeypatch, gpus):
    gpus(card())
    restorer = Restorer(model, device="gpu", tile=64)
    expected, planned = tiles_of(restorer, photo)
    pixels = np.prod(planned.planned) - 1
    shapes = watch(monkeypatch, restorer, fails=lambda shape: shape[2] * shape[3] > pixels)
    restored, used = tiles_of(restorer, photo)
    assert {shape[0] for shape in shapes} == {1}
    assert np.prod(used.smallest) <= pixels
    assert "memory was short, so it was restored in tiles of" in used.warning
    assert psnr(restored, expected) > 20  # parts of 40 pixels


def test_shortage_on_a_gpu_does_not_affect_later_pictures(model, photo, monkeypatch, gpus):
    gpus(card())
    restorer = Restorer(model, device="gpu", tile=64)
    failing = [True]
    watch(monkeypatch, restorer, fails=lambda shape: failing[0] and shape[0] > 1)
    assert tiles_of(restorer, photo)[1].warning
    failing[0] = False
    assert tiles_of(restorer, photo)[1].warning is None


def test_plan_predicts_the_tiles_of_a_picture(model, photo):
    tiled, used = Restorer(model, backend="paddle", device="cpu", memory="1M"), TileUse()
    image = photo[:93, :141]
    strips = tiled.strips(93, 141, lambda rows, columns: image[rows, columns], used=used)
    assert sum(len(strip) for _, strip in strips) == 93
    plan = tiled.plan(93, 141)
    assert (plan.tile, plan.count) == (used.planned, used.count)
    assert plan.memory == pytest.approx(tiled.backend.bytes_per_pixel * np.prod(plan.tile))


def test_plan_of_a_whole_picture_counts_the_memory_of_a_network_for_any_size(model, photo):
    pytest.importorskip("openvino")
    restore = Restorer(model, backend="openvino", device="cpu", precision="f32")
    pixels = photo.shape[0] * photo.shape[1]
    plan = restore.plan(*photo.shape[:2])
    assert plan.count == 1 and plan.memory == restore.backend.whole_bytes(pixels)
    assert plan.memory > restore.backend.bytes_per_pixel * pixels


def test_memory_to_take_excludes_what_the_network_already_has(model, photo):
    pytest.importorskip("openvino")
    planned = Restorer(model, backend="openvino", device="cpu", memory="100M")
    before = planned.memory_to_take
    assert before >= 100 << 20
    planned(photo)
    assert planned.memory_to_take == before - planned.backend.kept_bytes < before
