"""Conversion between file formats keeps every value."""

import numpy as np
import pytest
from weights_samples import dump, same

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.catalogue import find_record
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import read_file

paddle = require("paddle")


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_conversion_round_trips(tmp_path, state, suffix):
    source = dump(tmp_path / "in.pdparams", state)
    convert(source, tmp_path / f"out{suffix}")
    same(load_weights(tmp_path / f"out{suffix}"), state)
    convert(tmp_path / f"out{suffix}", tmp_path / "back.pdparams")
    same(load_weights(tmp_path / "back.pdparams"), state)


def test_task_deduced_from_the_size_is_not_stored_as_a_stated_one(tmp_path):
    record = find_record("published", "Deraining", "MPRNet")  # no other task has this size
    network = find_network("MPRNet").build(record.hyperparameters)
    paddle.save(network.state_dict(), str(tmp_path / "none.pdparams"))
    found = load_weights(tmp_path / "none.pdparams")
    assert (found.task, found.task_stated) == ("Deraining", False)
    convert(tmp_path / "none.pdparams", tmp_path / "none.safetensors")
    assert not load_weights(tmp_path / "none.safetensors").task_stated
    convert(tmp_path / "none.pdparams", tmp_path / "named.safetensors", task="denoising")
    found = load_weights(tmp_path / "named.safetensors")
    assert (found.task, found.task_stated) == ("Denoising", True)


def test_paddle_load_reads_the_converted_file(tmp_path, state):
    convert(dump(tmp_path / "in.pdparams", state), tmp_path / "out.pdparams")
    network = find_network("MPRNet").build(load_weights(tmp_path / "in.pdparams").hyperparameters)
    missing, unexpected = network.set_state_dict(paddle.load(str(tmp_path / "out.pdparams")))
    assert not missing and not unexpected
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name])


def test_torch_names_of_prelu_are_translated(tmp_path, state):
    out = tmp_path / "out.safetensors"
    convert(dump(tmp_path / "in.pdparams", state), out, torch_names=True)
    assert b"body.1.weight" in out.read_bytes()
    assert b"body.1._weight" not in out.read_bytes()
    same(load_weights(out), state)


def test_half_precision_halves_the_size(tmp_path, state):
    source = dump(tmp_path / "in.pdparams", state)
    convert(source, tmp_path / "half.safetensors", half=True)
    weights = load_weights(tmp_path / "half.safetensors")
    for name, value in state.items():
        assert weights.tensors[name].dtype == np.float32
        np.testing.assert_array_equal(weights.tensors[name], value.astype("f2").astype("f4"))


def test_existing_target_is_kept(tmp_path, state):
    source = dump(tmp_path / "in.pdparams", state)
    (tmp_path / "out.pdparams").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        convert(source, tmp_path / "out.pdparams")
    assert (tmp_path / "out.pdparams").read_text() == "mine"


@pytest.mark.parametrize("form", ["mirnet", "mirnetv2", "mirnetv2_sr4", "mirnetv2_dualpixel"])
def test_files_of_the_authors_survive_conversion_and_back(fixtures_dir, tmp_path, form):
    source = fixtures_dir / f"swz30_{form}_small.pth"
    convert(source, tmp_path / "w.pdparams")
    convert(tmp_path / "w.pdparams", tmp_path / "w.safetensors", torch_names=True)
    original, _ = read_file(source)
    back, _ = read_file(tmp_path / "w.safetensors")
    assert set(back) == set(original)
    for key, value in original.items():
        np.testing.assert_array_equal(back[key], value)


@pytest.mark.parametrize("scale", ["4", 2.5, -2, 0, 1, 9, True])
def test_scale_out_of_range_is_refused(tmp_path, scale):
    with pytest.raises(UsageError, match=r"scale=.*: give a whole number from 2 to 8"):
        convert("lite:Deraining", tmp_path / "out.safetensors", scale=scale)
