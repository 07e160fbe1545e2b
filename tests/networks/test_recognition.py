"""Networks and their hyperparameters are recognised from tensors."""

import dataclasses
import pickle
from types import MappingProxyType

import numpy as np
import pytest
from other_networks import MIXED, PLAIN, REFINED, RENAMED
from weights_samples import dump_torch, same

from ppgan_mpr import Predictor
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network, register_network, unregister_network
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
def test_channel_factor_is_deduced_from_rounded_widths(tmp_path, chan_factor):
    unusual = {**MIRNETV2, "n_feat": 24, "groups": (1,), "chan_factor": chan_factor}
    weights = load_weights(saved(tmp_path / "w.safetensors", "MIRNetv2", unusual))
    assert weights.hyperparameters["chan_factor"] == pytest.approx(chan_factor, abs=1 / 24)


@pytest.mark.parametrize("wrapper", ["params", "state_dict"])
def test_wrapped_state_dicts_of_the_authors_are_unwrapped(tmp_path, wrapper):
    state = {f"module.{key}": value for key, value in state_of("MIRNetv2", MIRNETV2).items()}
    (tmp_path / "w.pth").write_bytes(pickle.dumps({wrapper: state}))
    assert load_weights(tmp_path / "w.pth").network == "MIRNetv2"


def test_task_of_dual_pixel_weights_is_deduced_from_their_channels(tmp_path):
    published = find_record("published", "DualPixelDeblurring")
    path = saved(tmp_path / "w.pdparams", "MIRNetv2", published.hyperparameters)
    assert load_weights(path).task == "DualPixelDeblurring"
    with pytest.raises(WeightsError, match=r"with 6 channels .*DualPixel.* LowLight has 3"):
        load_weights(path, "LowLight")


def test_width_shared_by_several_tasks_gives_no_task(tmp_path):
    path = saved(tmp_path / "w.pdparams", "MIRNetv2", {})
    assert load_weights(path).task is None
    assert load_weights(path, "LowLight").network == "MIRNetv2"


def test_task_that_the_network_is_not_known_for_is_accepted_with_a_warning(tmp_path, caplog):
    path = saved(tmp_path / "w.pdparams", "MIRNet", MIRNET)
    assert load_weights(path, "Deblurring").task == "Deblurring"
    assert "used for Deblurring as asked, though MIRNet is known for RealDenoising" in caplog.text


@pytest.fixture
def super_resolution(tmp_path, known_weights):
    """A small file whose content the catalogue lists as weights for x4."""
    path = saved(tmp_path / "sr.pth", "MIRNetv2", MIRNETV2)
    record = dataclasses.replace(
        find_record("published", "SuperResolution", scale=4),
        hyperparameters=MappingProxyType({"n_feat": 8}),
        git_blob=git_blob_of(path),
    )
    known_weights("MIRNetv2", record)
    return path


def test_scale_comes_from_the_record_and_survives_conversion(super_resolution, tmp_path):
    weights = load_weights(super_resolution)
    assert (weights.task, weights.scale) == ("SuperResolution", 4)
    weights.build()
    convert(super_resolution, tmp_path / "w.safetensors")
    again = load_weights(tmp_path / "w.safetensors")
    assert (again.task, again.scale) == ("SuperResolution", 4)


def test_scale_can_be_given(tmp_path):
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
def test_shapes_that_fit_no_network_are_refused(tmp_path, name, value):
    state = {**state_of("MIRNetv2", MIRNETV2), name: value}
    write_file(tmp_path / "w.pdparams", state)
    with pytest.raises(WeightsError, match=r"w\.pdparams"):
        load_weights(tmp_path / "w.pdparams")


@pytest.fixture
def registered():
    """A function that registers networks until the test ends."""
    added = []

    def register(*specs):
        for spec in specs:
            register_network(spec)
            added.append(spec)

    yield register
    for spec in added:
        unregister_network(spec.name)


def mixed_network(width, hidden):
    """Random weights of a MixedNet, in Paddle's and in PyTorch's form."""
    rng = np.random.default_rng(0)
    shapes = MIXED.layout({"width": width, "hidden": hidden}).shapes
    own = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    torch = {**own, "norm.num_batches_tracked": np.float32(7)}
    names = {"norm._mean": "norm.running_mean", "norm._variance": "norm.running_var",
             "instance.scale": "instance.weight", "act._weight": "act.weight"}  # fmt: skip
    for ours, theirs in names.items():
        torch[theirs] = torch.pop(ours)
    for name in ("widen.weight", "gate.weight"):
        torch[name] = torch[name].T
    return own, torch


@pytest.mark.parametrize("hidden", [6, 9], ids=["square matrices", "oblong matrices"])
def test_layers_that_pytorch_stores_differently_are_translated(registered, tmp_path, hidden):
    registered(MIXED)
    own, torch = mixed_network(6, hidden)
    weights = load_weights(dump_torch(tmp_path / "w.pth", torch))
    same(weights, own)
    assert weights.hyperparameters == {"width": 6, "hidden": hidden}
    convert(tmp_path / "w.pth", tmp_path / "torch.safetensors", torch_names=True)
    same(load_weights(tmp_path / "torch.safetensors"), own)
    convert(tmp_path / "w.pth", tmp_path / "paddle.safetensors")
    same(load_weights(tmp_path / "paddle.safetensors"), own)


def test_layout_of_square_matrices_is_deduced_from_the_file_format(tmp_path, registered, caplog):
    # No renamed layers, so only the file format shows which framework wrote it.
    registered(PLAIN)
    own = {name: np.random.default_rng(0).random(shape, np.float32)
           for name, shape in PLAIN.layout({}).shapes.items()}  # fmt: skip
    turned = {**own, "gate.weight": np.ascontiguousarray(own["gate.weight"].T)}
    same(load_weights(dump_torch(tmp_path / "w.pth", turned)), own)
    write_file(tmp_path / "pt.safetensors", turned, {"format": "pt"})
    same(load_weights(tmp_path / "pt.safetensors"), own)
    assert not caplog.text
    write_file(tmp_path / "w.safetensors", own)
    same(load_weights(tmp_path / "w.safetensors"), own)
    assert "does not say whether PyTorch or Paddle wrote it" in caplog.text


def test_network_that_extends_a_known_one_is_recognised(registered, tmp_path):
    registered(REFINED)
    size = {"width": 4, "enc_blk_nums": (1,), "dec_blk_nums": (1,)}
    path = saved(tmp_path / "extended.pdparams", "RefinedNAFNet", size)
    assert load_weights(path).network == "RefinedNAFNet"
    assert Predictor(None, path, backend="paddle").network == "RefinedNAFNet"
    path = saved(tmp_path / "known.pdparams", "NAFNet", size)
    assert load_weights(path).network == "NAFNet"


def test_requested_network_is_chosen_if_several_match(registered, tmp_path):
    registered(RENAMED)
    size = {"width": 4, "enc_blk_nums": (1,), "dec_blk_nums": (1,)}
    path = saved(tmp_path / "w.pdparams", "NAFNet", size)
    options = {"task": "Deblurring", "backend": "paddle"}
    for _ in range(2):  # the second time from the cache
        assert Predictor(None, path, **options).network == "NAFNet"
        asked = Predictor(None, path, network="renamednafnet", **options)
        assert asked.network == "RenamedNAFNet"
