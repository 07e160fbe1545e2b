import hashlib
import json
from collections import OrderedDict

import numpy as np
import pytest
from weights_samples import dump, same

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network, weights_records
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.loading import set_weights

paddle = require("paddle")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_flat_state_dict_of_any_pickle_protocol(tmp_path, state, protocol):
    same(load_weights(dump(tmp_path / "w.pdparams", state, protocol)), state)


def test_file_of_paddle_save(tmp_path):
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
def test_training_checkpoint(tmp_path, state, prefix, arrays):
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


def test_averaged_weights_come_before_the_raw_ones(tmp_path, state):
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


@pytest.mark.parametrize("task", ["Deblurring", "Denoising", "Deraining"])
def test_task_is_deduced_from_the_published_widths_unless_given(tmp_path, task, caplog):
    record = find_record("published", task)
    network = find_network("MPRNet").build(record.hyperparameters)
    path = tmp_path / "w.pdparams"
    paddle.save(network.state_dict(), str(path))
    assert load_weights(path).task == task
    assert load_weights(path, task).task == task
    assert not caplog.text
    other = "Denoising" if task != "Denoising" else "Deraining"
    assert load_weights(path, other).task == other
    assert f"used for {other} as asked, though it has the size of known weights for {task}" in (
        caplog.text
    )


def test_task_written_in_the_file_wins(tmp_path, state):
    convert(dump(tmp_path / "in.pdparams", state), tmp_path / "o.safetensors", task="deraining")
    assert load_weights(tmp_path / "o.safetensors").task == "Deraining"
    with pytest.raises(WeightsError, match="Deraining"):
        load_weights(tmp_path / "o.safetensors", "Denoising")


def test_printed_weights_fit_a_line_or_two():
    printed = repr(load_weights("lite:Deraining"))
    assert "'MPRNet'" in printed and "'Deraining'" in printed and "num_cab" in printed
    assert len(printed) < 400


def test_weights_of_another_network_are_named_with_the_configuration_that_fits():
    tiny = find_network("MPRNet").build({"n_feat": 8, "scale_unetfeats": 4, "num_cab": 1})
    nafnet = find_network("NAFNet")
    record = next(record for record in nafnet.weights if record.variant == "gopro-width32")
    shapes = nafnet.layout(record.hyperparameters).shapes
    tensors = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    with pytest.raises(
        WeightsError,
        match=r"naf\.pth holds weights of NAFNet with the size of gopro-width32, and this network "
        "is MPRNet: use the configuration nafnet_deblurring_width32, or other weights",
    ):
        set_weights(tiny, tensors, "naf.pth")


def test_unknown_widths_have_no_task(tmp_path, state):
    assert load_weights(dump(tmp_path / "w.pdparams", state)).task is None


@pytest.mark.parametrize(
    "record", [r for r in weights_records() if r.resource], ids=lambda r: r.name
)
def test_embedded_weights_are_the_recorded_files(record):
    content = record.path.read_bytes()
    assert len(content) == record.size
    assert hashlib.sha256(content).hexdigest() == record.sha256
    weights = load_weights(record.name)
    assert weights.task == record.task
    assert sum(value.size for value in weights.tensors.values()) > 880_000


def test_embedded_weights_equal_the_trained_ones_to_half_precision(fixtures_dir):
    expected = json.loads((fixtures_dir / "lite_weights_half.json").read_text())
    for task, digest in expected.items():
        halves = hashlib.sha256()
        for name, value in sorted(load_weights(f"lite:{task}").tensors.items()):
            halves.update(name.encode() + value.astype("<f2").tobytes())
        assert halves.hexdigest() == digest


def test_absurd_widths_cost_no_memory(tmp_path, state):
    wide = {**state, "shallow_feat1.0.weight": np.zeros([40_000, 3, 3, 3], "f4")}
    with pytest.raises(WeightsError, match=r"does not fit|not all of it"):
        load_weights(dump(tmp_path / "w.pdparams", wide))


def test_one_parameter_under_two_names(tmp_path, state):
    twice = {**state, "module.tail.weight": state["tail.weight"] + 1}
    with pytest.raises(WeightsError, match="twice"):
        load_weights(dump(tmp_path / "w.pdparams", twice))


def test_missing_parameter_is_not_left_random(tmp_path, state):
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


def test_differing_copies_of_the_shared_prelu(tmp_path, state):
    name = next(key for key in state if key.endswith("body.1._weight"))
    with pytest.raises(WeightsError, match="the same parameter of MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", {**state, name: state[name] + 1}))


def test_weights_of_no_known_network_are_refused(tmp_path):
    other = OrderedDict(conv=np.zeros([3, 3, 3, 3], "f4"))
    with pytest.raises(WeightsError, match=r"another network .*conv.*expected .*MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", other))


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean Deblurring"):
        load_weights("lite:Debluring")
