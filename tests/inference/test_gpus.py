"""Restoration on simulated GPUs: the code of the GPU's route, computing on the CPU."""

import numpy as np
import pytest
from inference_samples import psnr
from simulated_gpus import GIB, card, simulate

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")

from ppgan_mpr.inference import Restorer, TileUse


def tiles_of(restorer, image):
    used = TileUse()
    crop = lambda rows, columns: image[rows, columns]  # noqa: E731
    strips = restorer.strips(*image.shape[:2], crop, used=used)
    return np.concatenate([strip for _, strip in strips]), used


def watch(monkeypatch, restorer, fails=lambda shape: False):
    """Notes the shape of every batch, and fails where ``fails`` says so."""
    run, shapes = restorer.backend.run, []

    def watched(picture, statistics=None):
        if fails(picture.shape):
            raise MemoryError
        shapes.append(picture.shape)
        return run(picture, statistics)

    monkeypatch.setattr(restorer.backend, "run", watched)
    return shapes


def test_a_gpu_takes_tiles_in_batches_and_restores_the_same_pixels(model, photo, monkeypatch):
    one_by_one = Restorer(model, backend="onnxruntime", device="cpu", tile=64)(photo)
    simulate(monkeypatch, card())
    restorer = Restorer(model, device="gpu", tile=64)
    shapes = watch(monkeypatch, restorer)
    restored, used = tiles_of(restorer, photo)
    assert used.count > 4
    assert [shape[0] for shape in shapes] == [used.count]
    assert used.warning is None
    assert used.device == "gpu:0"
    np.testing.assert_allclose(restored, one_by_one, atol=1e-5)


def test_ensemble_in_batches_restores_the_same_pixels(model, photo, monkeypatch):
    options = {"tile": 64, "ensemble": True}
    one_by_one = Restorer(model, backend="onnxruntime", device="cpu", **options)(photo)
    simulate(monkeypatch, card())
    np.testing.assert_allclose(
        Restorer(model, device="gpu", **options)(photo), one_by_one, atol=1e-5
    )


def test_plan_follows_from_the_total_memory_of_the_card(model, photo, monkeypatch):
    counts = []
    for memory in (GIB // 128, GIB // 128, 24 * GIB):
        simulate(monkeypatch, card(memory=memory))
        counts.append(tiles_of(Restorer(model, device="gpu"), photo)[1].count)
    assert counts[0] == counts[1] > 1
    assert counts[2] == 1


def test_memory_option_takes_the_place_of_the_cards_memory(model, monkeypatch):
    simulate(monkeypatch, card())
    assert Restorer(model, device="gpu", memory="800M").budget == 800 << 20
    assert Restorer(model, device="gpu").budget == pytest.approx(0.6 * 24 * GIB)
    assert Restorer(model, device="cpu").budget == 600 << 20


def test_where_memory_runs_out_first_the_batch_shrinks(model, photo, monkeypatch):
    simulate(monkeypatch, card())
    restorer = Restorer(model, device="gpu", tile=64)
    expected, planned = tiles_of(restorer, photo)
    shapes = watch(monkeypatch, restorer, fails=lambda shape: shape[0] > 2)
    restored, used = tiles_of(restorer, photo)
    np.testing.assert_allclose(restored, expected, atol=1e-5)
    assert used.smallest == planned.planned
    assert {shape[0] for shape in shapes} <= {1, 2}
    assert sum(shape[0] for shape in shapes) == used.count  # nothing was computed twice
    assert f"computed 1 at a time instead of {used.count}" in used.warning


def test_where_a_single_tile_does_not_fit_tiles_shrink(model, photo, monkeypatch):
    simulate(monkeypatch, card())
    restorer = Restorer(model, device="gpu", tile=64)
    expected, planned = tiles_of(restorer, photo)
    pixels = np.prod(planned.planned) - 1
    shapes = watch(monkeypatch, restorer, fails=lambda shape: shape[2] * shape[3] > pixels)
    restored, used = tiles_of(restorer, photo)
    assert {shape[0] for shape in shapes} == {1}
    assert np.prod(used.smallest) <= pixels
    assert "memory was short, so it was restored in tiles of" in used.warning
    assert psnr(restored, expected) > 20  # parts of 40 pixels


def test_shortage_of_one_picture_changes_no_later_one(model, photo, monkeypatch):
    simulate(monkeypatch, card())
    restorer = Restorer(model, device="gpu", tile=64)
    failing = [True]
    watch(monkeypatch, restorer, fails=lambda shape: failing[0] and shape[0] > 1)
    assert tiles_of(restorer, photo)[1].warning
    failing[0] = False
    assert tiles_of(restorer, photo)[1].warning is None
