"""Weights given by a path: their task, and files that change."""

import numpy as np
import pytest
from apps_samples import picture

from ppgan_mpr import MPRPredictor
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.weights.conversion import convert


def test_weights_replaced_while_they_are_read(tmp_path, monkeypatch):
    """As a running training does; the next run must see the new ones."""
    from ppgan_mpr.apps import lazy_weights

    convert("lite:Denoising", tmp_path / "w.safetensors")
    convert("lite:Deblurring", tmp_path / "new.safetensors", half=True)
    load = lazy_weights.load_weights

    def replaced_meanwhile(*arguments):
        weights = load(*arguments)
        monkeypatch.undo()
        (tmp_path / "new.safetensors").replace(tmp_path / "w.safetensors")
        return weights

    monkeypatch.setattr(lazy_weights, "load_weights", replaced_meanwhile)
    noisy = np.asarray(picture())
    before = MPRPredictor(None, tmp_path / "w.safetensors", precision="f32")
    assert before.task == "Denoising"
    before.run(noisy)
    after = MPRPredictor(None, tmp_path / "w.safetensors", precision="f32")
    assert after.task == "Deblurring"


def test_weight_path_alone_is_enough(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    restorer = MPRPredictor(None, tmp_path / "w.safetensors")
    assert restorer.task == "Deraining"


def test_weights_that_do_not_say_their_task(tmp_path):
    convert("lite:Deraining", tmp_path / "w.pdparams")
    with pytest.raises(UsageError, match="does not say what it was trained for: give task="):
        MPRPredictor(None, tmp_path / "w.pdparams")
    assert MPRPredictor(None, tmp_path / "w.pdparams", task="Deraining").task == "Deraining"


def test_weights_of_another_task_are_refused(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="Deraining"):
        MPRPredictor(None, tmp_path / "w.safetensors", task="Denoising")
