"""Networks and their hyperparameters are recognised from tensors."""

import dataclasses
import pickle
from types import MappingProxyType

import numpy as np
import pytest

from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.catalogue import git_blob_of
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import write_file

MIRNET = {"in_channels": 3, "out_channels": 3, "n_feat": 8, "n_RRG": 2, "n_MSRB": 1}
MIRNETV2 = {"inp_channels": 3, "out_channels": 3, "n_feat": 8, "chan_factor": 1.5, "n_MRB": 1,
            "groups": (1, 2), "task": None}  # fmt: skip
DUAL_PIXEL = {**MIRNETV2, "inp_channels": 6, "task": "defocus_deblurring"}


def state_of(name, hyperparameters):
    network = find_network(name).build(hyperparameters)
    return {key: np.asarray(value) for key, value in network.state_dict().items()}


def saved(path, name, hyperparameters):
    if path.suffix == ".pth":
        path.write_bytes(pickle.dumps(state_of(name, hyperparameters)))
    else:
        write_file(path, state_of(name, hyperparameters))
    return path


@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [
        ("MIRNet", MIRNET),
        ("MIRNet", {**MIRNET, "in_channels": 1, "out_channels": 1, "n_RRG": 1, "n_MSRB": 3}),
        ("MIRNetv2", MIRNETV2),
        ("MIRNetv2", {**MIRNETV2, "n_MRB": 2, "groups": (4, 1, 2), "chan_factor": 2.0}),
        ("MIRNetv2", DUAL_PIXEL),
    ],
)
def test_hyperparameters_are_deduced(tmp_path, name, hyperparameters):
    weights = load_weights(saved(tmp_path / "w.safetensors", name, hyperparameters))
    assert weights.network == name
    assert weights.hyperparameters == hyperparameters
    assert weights.task == ("DualPixelDeblurring" if hyperparameters is DUAL_PIXEL else None)
    for key, value in weights.build().state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights.tensors[key])


@pytest.mark.parametrize("chan_factor", [1.1, 1.3, 4 / 3, 1.77])
def test_widths_that_were_rounded_down(tmp_path, chan_factor):
    unusual = {**MIRNETV2, "n_feat": 24, "groups": (1,), "chan_factor": chan_factor}
    weights = load_weights(saved(tmp_path / "w.safetensors", "MIRNetv2", unusual))
    assert weights.hyperparameters["chan_factor"] == pytest.approx(chan_factor, abs=1 / 24)


@pytest.mark.parametrize("wrapper", ["params", "state_dict"])
def test_wrapped_as_the_authors_publish_them(tmp_path, wrapper):
    state = {f"module.{key}": value for key, value in state_of("MIRNetv2", MIRNETV2).items()}
    (tmp_path / "w.pth").write_bytes(pickle.dumps({wrapper: state}))
    assert load_weights(tmp_path / "w.pth").network == "MIRNetv2"


def test_task_of_dual_pixel_weights_shows_in_their_channels(tmp_path):
    published = find_record("published", "DualPixelDeblurring")
    path = saved(tmp_path / "w.pdparams", "MIRNetv2", published.hyperparameters)
    assert load_weights(path).task == "DualPixelDeblurring"
    with pytest.raises(WeightsError, match=r"holds weights for DualPixelDeblurring .*LowLight"):
        load_weights(path, "LowLight")


def test_one_width_for_many_tasks_tells_none(tmp_path):
    path = saved(tmp_path / "w.pdparams", "MIRNetv2", {})
    assert load_weights(path).task is None
    assert load_weights(path, "LowLight").network == "MIRNetv2"


def test_a_network_is_refused_for_tasks_it_is_not_for(tmp_path, state):
    path = saved(tmp_path / "w.pdparams", "MIRNet", MIRNET)
    with pytest.raises(WeightsError, match=r"MIRNet, which is not for Deblurring: .*RealDenoising"):
        load_weights(path, "Deblurring")
    write_file(tmp_path / "mpr.pdparams", state)
    with pytest.raises(WeightsError, match="MPRNet, which is not for LowLight"):
        load_weights(tmp_path / "mpr.pdparams", "LowLight")


@pytest.fixture
def super_resolution(tmp_path, known_weights):
    """A small file that the catalogue knows by its content as weights for x4."""
    path = saved(tmp_path / "sr.pth", "MIRNetv2", MIRNETV2)
    record = dataclasses.replace(
        find_record("published", "SuperResolution", scale=4),
        hyperparameters=MappingProxyType({"n_feat": 8}),
        git_blob=git_blob_of(path),
    )
    known_weights("MIRNetv2", record)
    return path


def test_enlargement_is_known_from_the_record_and_kept(super_resolution, tmp_path):
    weights = load_weights(super_resolution)
    assert (weights.task, weights.scale) == ("SuperResolution", 4)
    weights.build()
    convert(super_resolution, tmp_path / "w.safetensors")
    again = load_weights(tmp_path / "w.safetensors")
    assert (again.task, again.scale) == ("SuperResolution", 4)


def test_enlargement_can_be_said(tmp_path):
    path = saved(tmp_path / "w.pdparams", "MIRNetv2", MIRNETV2)
    convert(path, tmp_path / "w.safetensors", "SuperResolution", scale=3)
    again = load_weights(tmp_path / "w.safetensors")
    assert (again.task, again.scale) == ("SuperResolution", 3)
    with pytest.raises(UsageError, match=r"scale=2, but .* enlarges 3 times"):
        convert(tmp_path / "w.safetensors", tmp_path / "x.safetensors", scale=2)
    with pytest.raises(UsageError, match="LowLight does not enlarge"):
        convert(path, tmp_path / "x.safetensors", "LowLight", scale=2)


def test_shared_weights_must_agree(tmp_path):
    state = state_of("MIRNet", MIRNET)
    name = "body.0.body.0.blocks.1.1.conv1x1.weight"
    write_file(tmp_path / "w.pdparams", {**state, name: state[name] + 1})
    with pytest.raises(WeightsError, match=r"blocks\.1\.0\.conv1x1.* and .*blocks\.1\.1\.conv1x1"):
        load_weights(tmp_path / "w.pdparams")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body.0.body.0.dau_top.body.0.weight", np.zeros([8, 1, 3, 3], "f4")),
        ("body.0.body.0.dau_mid.body.0.weight", np.zeros([], "f4")),
        ("conv_in.weight", np.zeros([0, 3, 3, 3], "f4")),
    ],
)
def test_shapes_of_no_network(tmp_path, name, value):
    state = {**state_of("MIRNetv2", MIRNETV2), name: value}
    write_file(tmp_path / "w.pdparams", state)
    with pytest.raises(WeightsError, match=r"w\.pdparams"):
        load_weights(tmp_path / "w.pdparams")
