from collections import OrderedDict

import numpy as np
import pytest
from weights_samples import dump, same

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import WeightsError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import load_weights

paddle = require("paddle")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_flat_state_dict_of_any_pickle_protocol_is_read(tmp_path, state, protocol):
    same(load_weights(dump(tmp_path / "w.pdparams", state, protocol)), state)


def test_file_of_paddle_save_is_read(tmp_path):
    network = find_network("MPRNet").build(
        {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4}
    )
    path = tmp_path / "saved.pdparams"
    paddle.save(network.state_dict(), str(path))
    weights = load_weights(path)
    same(weights, {name: np.asarray(v) for name, v in network.state_dict().items()})
    assert weights.hyperparameters["num_cab"] == 8


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("arrays", [True, False], ids=["arrays", "tensors"])
def test_training_checkpoint_is_read(tmp_path, state, prefix, arrays):
    kind = (lambda value: value) if arrays else paddle.to_tensor
    generator = {prefix + name: kind(value) for name, value in state.items()}
    checkpoint = {
        "epoch": 7,
        "generator": generator,
        "optim": {"moment": kind(np.zeros(3, "float32")), "LR_Scheduler": {"last_epoch": 7}},
    }
    path = tmp_path / "checkpoint.pdparams"
    if arrays:
        dump(path, checkpoint)
    else:
        paddle.save(checkpoint, str(path))
    same(load_weights(path), state)


def test_averaged_weights_are_preferred(tmp_path, state):
    averaged = {name: value / 2 for name, value in state.items()}
    path = dump(tmp_path / "c.pdparams", {"generator": state, "ema": averaged})
    same(load_weights(path), averaged)


def test_hyperparameters_are_deduced(tmp_path):
    unusual = {"in_c": 1, "out_c": 1, "n_feat": 12, "scale_unetfeats": 8, "scale_orsnetfeats": 4,
               "num_cab": 3, "kernel_size": 5, "reduction": 3, "bias": True}  # fmt: skip
    network = find_network("MPRNet").build(unusual)
    path = tmp_path / "w.pdparams"
    paddle.save(network.state_dict(), str(path))
    assert load_weights(path).hyperparameters == unusual


def test_printed_weights_fit_on_a_line_or_two():
    printed = repr(load_weights("lite:Deraining"))
    assert "'MPRNet'" in printed and "'Deraining'" in printed and "num_cab" in printed
    assert len(printed) < 400


def test_absurd_widths_are_refused_without_taking_memory(tmp_path, state):
    wide = {**state, "shallow_feat1.0.weight": np.zeros([40_000, 3, 3, 3], "f4")}
    with pytest.raises(WeightsError, match=r"does not fit|only parts"):
        load_weights(dump(tmp_path / "w.pdparams", wide))


def test_parameter_with_two_names_is_refused(tmp_path, state):
    twice = {**state, "module.tail.weight": state["tail.weight"] + 1}
    with pytest.raises(WeightsError, match="twice"):
        load_weights(dump(tmp_path / "w.pdparams", twice))


def test_missing_parameter_is_refused(tmp_path, state):
    broken = {k: v for k, v in state.items() if k != "stage2_encoder.csff_enc1.weight"}
    with pytest.raises(WeightsError, match=r"1 missing \(stage2_encoder\.csff_enc1\.weight"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_unknown_parameter_is_named(tmp_path, state):
    with pytest.raises(WeightsError, match=r"1 unknown \(surplus"):
        load_weights(dump(tmp_path / "w.pdparams", {**state, "surplus": np.zeros(1, "f4")}))


def test_parameter_of_another_shape_is_named(tmp_path, state):
    broken = {**state, "sam12.conv1.weight": np.zeros([8, 9, 1, 1], "f4")}
    with pytest.raises(WeightsError, match=r"sam12.conv1.weight has shape \[8, 9, 1, 1\]"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_nan_in_weights_is_refused(tmp_path, state):
    broken = {**state, "tail.weight": np.full_like(state["tail.weight"], np.nan)}
    with pytest.raises(WeightsError, match=r"NaN or infinity in tail\.weight"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_differing_copies_of_the_shared_prelu_are_refused(tmp_path, state):
    name = next(key for key in state if key.endswith("body.1._weight"))
    with pytest.raises(WeightsError, match="the same parameter of MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", {**state, name: state[name] + 1}))


def test_weights_of_no_known_network_are_refused(tmp_path):
    other = OrderedDict(conv=np.zeros([3, 3, 3, 3], "f4"))
    with pytest.raises(WeightsError, match=r"another network .*conv.*expected .*MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", other))
