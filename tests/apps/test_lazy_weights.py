"""Weights given by a path: their task, and files that change."""

import dataclasses

import numpy as np
import pytest
from apps_samples import picture

from ppgan_mpr import MPRPredictor, Predictor
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import write_file


def test_weights_replaced_while_they_are_read_are_read_again(tmp_path, monkeypatch):
    """As a running training replaces them. The next run must use the new weights."""
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


def test_weights_without_a_stated_task_need_the_option(tmp_path):
    convert("lite:Deraining", tmp_path / "w.pdparams")
    with pytest.raises(UsageError, match="does not say what it was trained for: give task="):
        MPRPredictor(None, tmp_path / "w.pdparams")
    assert MPRPredictor(None, tmp_path / "w.pdparams", task="Deraining").task == "Deraining"


def test_weights_of_another_task_are_refused(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="Deraining"):
        MPRPredictor(None, tmp_path / "w.safetensors", task="Denoising")


@pytest.fixture
def of_published_size(tmp_path, changed_network):
    """Random weights of a small network whose size is that of the one published for denoising."""
    network = find_network("NAFNet")
    size = {"width": 4, "middle_blk_num": 1, "enc_blk_nums": (1,), "dec_blk_nums": (1,)}
    record = next(record for record in network.weights if record.task == "Denoising")
    changed_network("NAFNet", weights=(dataclasses.replace(record, hyperparameters=size),))
    state = network.build(size).state_dict()
    path = tmp_path / "own.pdparams"
    write_file(path, {name: np.asarray(value) for name, value in state.items()})
    return path


@pytest.mark.parametrize("task", ["Deblurring", "Deraining"])
def test_explicit_task_wins_over_the_one_deduced_from_the_size(of_published_size, task, caplog):
    assert Predictor(None, of_published_size, backend="paddle").task == "Denoising"
    assert not caplog.text
    for _ in range(2):  # from the file, then from the cache
        caplog.clear()
        predictor = Predictor(None, of_published_size, task=task, backend="paddle")
        assert predictor.task == predictor.weights.task == task
        assert len(caplog.records) == 1
        assert "though it has the size of known weights for Denoising" in caplog.text


def test_explicit_task_that_enlarges_needs_the_scale(of_published_size):
    options = {"task": "SuperResolution", "backend": "paddle"}
    with pytest.raises(UsageError, match="does not say how many times it enlarges: give scale="):
        Predictor(None, of_published_size, **options)
    assert Predictor(None, of_published_size, scale=2, **options).scale == 2


def test_explicit_task_with_other_inputs_is_refused(of_published_size):
    with pytest.raises(WeightsError, match=r"3 channels .*, but DualPixelDeblurring has 6"):
        Predictor(None, of_published_size, task="DualPixelDeblurring")


def test_own_weights_may_be_for_a_new_task_of_their_network(of_published_size, tmp_path):
    convert(of_published_size, tmp_path / "rain.safetensors", "Deraining")
    for task in (None, "Deraining"):
        predictor = Predictor(
            None, tmp_path / "rain.safetensors", task=task, network="nafnet", backend="paddle"
        )
        assert predictor.task == "Deraining"
    with pytest.raises(WeightsError, match=r"holds weights for Deraining, but .*Denoising"):
        Predictor(None, tmp_path / "rain.safetensors", task="Denoising")
