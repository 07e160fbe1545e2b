import hashlib
import json

import pytest
from weights_samples import dump

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network, weights_records
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.conversion import convert

paddle = require("paddle")


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


def test_task_in_the_file_is_binding(tmp_path, state):
    convert(dump(tmp_path / "in.pdparams", state), tmp_path / "o.safetensors", task="deraining")
    assert load_weights(tmp_path / "o.safetensors").task == "Deraining"
    with pytest.raises(WeightsError, match="Deraining"):
        load_weights(tmp_path / "o.safetensors", "Denoising")


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


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean Deblurring"):
        load_weights("lite:Debluring")
