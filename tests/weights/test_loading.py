import hashlib
import json
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.networks import find_network, weights_records
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.conversion import convert
from ppgan_mpr.weights.formats import write_file

paddle = require("paddle")


def dump(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def same(weights, state):
    assert list(weights.tensors) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(weights.tensors[name], value)


# Forms that are accepted


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


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_conversion_round_trips(tmp_path, state, suffix):
    source = dump(tmp_path / "in.pdparams", state)
    convert(source, tmp_path / f"out{suffix}")
    same(load_weights(tmp_path / f"out{suffix}"), state)
    convert(tmp_path / f"out{suffix}", tmp_path / "back.pdparams")
    same(load_weights(tmp_path / "back.pdparams"), state)


def test_converted_file_is_what_paddle_load_expects(tmp_path, state):
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


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_files_written_by_pytorch(root, form):
    # {'state_dict': {'module.…'}} of three tensors, one a strided view, one float16
    from ppgan_mpr.weights.formats import read_file

    content, _ = read_file(root / "tests" / "data" / f"torch_{form}.pth")
    tensors = content["state_dict"]
    np.testing.assert_array_equal(
        tensors["module.view"], np.arange(12, dtype="f4").reshape(3, 4).T[1:]
    )
    assert tensors["module.half"].dtype == np.float16
    np.testing.assert_array_equal(tensors["module.half"], [0.5, 1.5])
    np.testing.assert_array_equal(tensors["module.brain"], np.float32([1.0, -2.0]))
    assert content["epoch"] == 3


def test_half_precision_is_half_the_size(tmp_path, state):
    source = dump(tmp_path / "in.pdparams", state)
    convert(source, tmp_path / "half.safetensors", half=True)
    weights = load_weights(tmp_path / "half.safetensors")
    for name, value in state.items():
        assert weights.tensors[name].dtype == np.float32
        np.testing.assert_array_equal(weights.tensors[name], value.astype("f2").astype("f4"))


# What is told from the tensors


def test_hyperparameters_are_deduced(tmp_path):
    unusual = {"in_c": 1, "out_c": 1, "n_feat": 12, "scale_unetfeats": 8, "scale_orsnetfeats": 4,
               "num_cab": 3, "kernel_size": 5, "reduction": 3, "bias": True}  # fmt: skip
    network = find_network("MPRNet").build(unusual)
    path = tmp_path / "w.pdparams"
    paddle.save(network.state_dict(), str(path))
    assert load_weights(path).hyperparameters == unusual


@pytest.mark.parametrize("task", ["Deblurring", "Denoising", "Deraining"])
def test_task_is_deduced_from_the_published_widths(tmp_path, task):
    record = find_record("published", task)
    network = find_network("MPRNet").build(record.hyperparameters)
    path = tmp_path / "w.pdparams"
    paddle.save(network.state_dict(), str(path))
    assert load_weights(path).task == task
    other = "Denoising" if task != "Denoising" else "Deraining"
    with pytest.raises(WeightsError, match=f"holds weights for {task} .*asked for is {other}"):
        load_weights(path, other)


def test_task_written_in_the_file_wins(tmp_path, state):
    convert(dump(tmp_path / "in.pdparams", state), tmp_path / "o.safetensors", task="deraining")
    assert load_weights(tmp_path / "o.safetensors").task == "Deraining"
    with pytest.raises(WeightsError, match="Deraining"):
        load_weights(tmp_path / "o.safetensors", "Denoising")


def test_unknown_widths_have_no_task(tmp_path, state):
    assert load_weights(dump(tmp_path / "w.pdparams", state)).task is None


# The embedded weights


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


# What is refused


class Hostile:
    def __reduce__(self):
        import os

        return os.system, ("touch should_not_exist",)


class HostileEval:
    def __reduce__(self):
        return eval, ("__import__('os').system('touch should_not_exist')",)


@pytest.mark.parametrize("payload", [Hostile(), HostileEval()])
@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_pickle_runs_nothing(tmp_path, monkeypatch, state, payload, protocol):
    monkeypatch.chdir(tmp_path)
    path = dump(tmp_path / "evil.pdparams", {**state, "x": payload}, protocol)
    with pytest.raises(WeightsError, match=r"evil\.pdparams"):
        load_weights(path)
    assert not (tmp_path / "should_not_exist").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "getattr"), ("numpy", "load"), ("numpy.core.multiarray", "fromfile"),
     ("os", "system"), ("torch", "load"), ("numpy", "ndarray.tofile")],
)  # fmt: skip
def test_only_listed_globals_can_be_named(tmp_path, module, name):
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"\x80\x02c" + f"{module}\n{name}\n".encode() + b".")
    with pytest.raises(WeightsError, match=f"asks for {module}"):
        load_weights(path)


OBJECT_TYPE = b"cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R"
# The same type with its flags set so that NumPy would not know that it holds pointers.
FORGED_TYPE = (
    b"cnumpy\ndtype\n" + pickle.dumps(("O8", False, True), 2)[2:-1] + b"R"
    + pickle.dumps((3, "|", None, None, None, -1, -1, 0), 2)[2:-1] + b"b"
)  # fmt: skip
EMPTY_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"


@pytest.mark.parametrize(
    "body",
    [
        b"cnumpy\nndarray\n(K\x01\x85" + OBJECT_TYPE + b"C\x08AAAAAAAAtR",
        b"cnumpy\nndarray\n(K\x01\x85" + FORGED_TYPE + b"C\x08AAAAAAAAtR",
        b"cnumpy.core.multiarray\nscalar\n" + FORGED_TYPE + b"C\x08AAAAAAAA\x86R",
        EMPTY_ARRAY + b"(K\x01K\x01\x85" + FORGED_TYPE + b"\x89C\x08AAAAAAAAtb",
        b"\x8e" + (1 << 46).to_bytes(8, "little") + b"abc",  # 64 TiB of bytes
        b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00itemK\x01sb",  # an attribute of a class
        b"cnumpy\ndtype\n(N}X\x08\x00\x00\x00functionNstb",  # an attribute of a stand-in
        b"(" * 100_000 + b"t" * 100_000,
    ],
    ids=["object", "forged", "scalar", "state", "huge", "class", "stand-in", "deep"],
)
def test_forged_arrays_and_types_are_refused(tmp_path, body):
    """In a process of its own, because the danger is a crash."""
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"\x80\x04" + body + b".")
    code = (
        "import sys; from ppgan_mpr.weights import load_weights\n"
        "try: load_weights(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "WeightsError\n"


def test_content_that_refers_to_itself(tmp_path):
    endless: dict = {}
    endless["generator"] = endless
    with pytest.raises(WeightsError):
        load_weights(dump(tmp_path / "loop.pdparams", endless))
    doubled: list = []
    for _ in range(60):
        doubled = [doubled, doubled]
    with pytest.raises(WeightsError):
        load_weights(dump(tmp_path / "doubled.pdparams", {"generator": {"a": doubled}}))


def test_absurd_widths_cost_no_memory(tmp_path, state):
    wide = {**state, "shallow_feat1.0.weight": np.zeros([40_000, 3, 3, 3], "f4")}
    with pytest.raises(WeightsError, match=r"does not fit|not all of it"):
        load_weights(dump(tmp_path / "w.pdparams", wide))


def test_one_parameter_under_two_names(tmp_path, state):
    twice = {**state, "module.tail.weight": state["tail.weight"] + 1}
    with pytest.raises(WeightsError, match="twice"):
        load_weights(dump(tmp_path / "w.pdparams", twice))


def test_bfloat16_safetensors(tmp_path, state):
    import json

    header, body = {}, b""
    for name, value in state.items():
        raw = (np.ascontiguousarray(value).view("<u4") >> 16).astype("<u2").tobytes()
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": "BF16", "shape": value.shape, "data_offsets": offsets}
        body += raw
    text = json.dumps({"__metadata__": {"task": "image-restoration"}, **header}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    weights = load_weights(path)
    assert weights.task is None  # the file's task is not one of ours
    np.testing.assert_allclose(
        weights.tensors["tail.weight"], state["tail.weight"], rtol=1 / 128, atol=1e-6
    )


def test_missing_parameter_is_not_left_random(tmp_path, state):
    broken = {k: v for k, v in state.items() if k != "stage2_encoder.csff_enc1.weight"}
    with pytest.raises(WeightsError, match=r"1 missing \(stage2_encoder\.csff_enc1\.weight"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_unknown_parameter(tmp_path, state):
    with pytest.raises(WeightsError, match=r"1 unknown \(surplus"):
        load_weights(dump(tmp_path / "w.pdparams", {**state, "surplus": np.zeros(1, "f4")}))


def test_wrong_shape(tmp_path, state):
    broken = {**state, "sam12.conv1.weight": np.zeros([8, 9, 1, 1], "f4")}
    with pytest.raises(WeightsError, match=r"sam12.conv1.weight has shape \[8, 9, 1, 1\]"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_not_a_number(tmp_path, state):
    broken = {**state, "tail.weight": np.full_like(state["tail.weight"], np.nan)}
    with pytest.raises(WeightsError, match=r"NaN or infinity in tail\.weight"):
        load_weights(dump(tmp_path / "w.pdparams", broken))


def test_differing_copies_of_the_shared_prelu(tmp_path, state):
    name = next(key for key in state if key.endswith("body.1._weight"))
    with pytest.raises(WeightsError, match="the same parameter of MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", {**state, name: state[name] + 1}))


def test_another_network(tmp_path):
    other = OrderedDict(conv=np.zeros([3, 3, 3, 3], "f4"))
    with pytest.raises(WeightsError, match=r"another network .*conv.*expected .*MPRNet"):
        load_weights(dump(tmp_path / "w.pdparams", other))


def test_truncated_files(tmp_path, state, root):
    for suffix in (".pdparams", ".pth", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        if suffix == ".pth":
            path.write_bytes((root / "tests" / "data" / "torch_zip.pth").read_bytes())
        else:
            write_file(path, state)
        content = path.read_bytes()
        for size in (0, 3, 40, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:size])
            with pytest.raises(WeightsError, match=rf"w\{suffix}"):
                load_weights(path)


def test_not_weights_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(WeightsError, match=r"notes\.txt is not a weights file"):
        load_weights(tmp_path / "notes.txt")
    with pytest.raises(WeightsError, match=r"none\.pdparams cannot be read: No such file"):
        load_weights(tmp_path / "none.pdparams")
    with pytest.raises(WeightsError, match="folder"):
        load_weights(tmp_path)
    with pytest.raises(WeightsError, match="no state dict"):
        load_weights(dump(tmp_path / "list.pdparams", [1, 2]))


def test_torch_tensor_outside_its_storage(tmp_path, root):
    shape = b"K\x02\x85"  # the tuple (2,) of a tensor's shape
    original = zipfile.ZipFile(root / "tests" / "data" / "torch_zip.pth")
    with original, zipfile.ZipFile(tmp_path / "w.pth", "w") as forged:
        for name in original.namelist():
            content = original.read(name)
            if name.endswith("data.pkl"):
                assert shape in content
                content = content.replace(shape, b"K\x63\x85")
            forged.writestr(name, content)
    with pytest.raises(WeightsError, match=r"w\.pth"):
        load_weights(tmp_path / "w.pth")


def test_existing_target_is_kept(tmp_path, state):
    source = dump(tmp_path / "in.pdparams", state)
    (tmp_path / "out.pdparams").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        convert(source, tmp_path / "out.pdparams")
    assert (tmp_path / "out.pdparams").read_text() == "mine"


def test_unknown_names():
    with pytest.raises(UsageError, match="did you mean Deblurring"):
        load_weights("lite:Debluring")
