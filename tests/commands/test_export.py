import importlib.util
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
pytest.importorskip("onnx")


@pytest.fixture
def export(root, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("export_model", root / "tools/export_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    return module.main


LITE = ["--task", "deraining", "--model", "lite"]


def test_script_of_the_checkout_writes_and_checks_openvinos_files(root, tmp_path, small):
    pytest.importorskip("openvino")
    command = [sys.executable, str(root / "tools/export_model.py"), *small, "--task", "LowLight"]
    command += ["--format", "openvino", "-o", "model"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "(equal)" in done.stdout
    assert sorted(path.name for path in tmp_path.glob("model*")) == ["model.bin", "model.xml"]


def test_default_file_is_named_by_network_task_and_model(export, tmp_path, capsys):
    assert export(LITE) == 0
    assert "(equal)" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["mprnet_deraining_lite.onnx"]


def test_names_may_have_dots_and_existing_files_are_kept(export, small, tmp_path, capsys):
    command = [*small, "--task", "LowLight"]
    folder = "out\u202e"  # reverses the writing direction
    assert export([*command, "-o", f"{folder}/my.model.v2"]) == 0
    printed = capsys.readouterr().out
    assert r"out\u202e" in printed and folder not in printed
    path = tmp_path / folder / "my.model.v2.onnx"
    content = path.read_bytes()
    path.write_bytes(b"precious")
    assert export([*command, "-o", f"{folder}/my.model.v2.onnx"]) == 2
    assert "exists: choose another --output or pass --overwrite" in capsys.readouterr().err
    assert path.read_bytes() == b"precious"
    assert export([*command, "-o", f"{folder}/my.model.v2.onnx", "--overwrite"]) == 0
    assert len(path.read_bytes()) == len(content)


def test_onnx_model_runs_at_any_size(export, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    import paddle

    from ppgan_mpr.networks import find_network

    small = {
        "inp_channels": 6,
        "n_feat": 8,
        "n_MRB": 1,
        "groups": (1, 2),
        "task": "defocus_deblurring",
    }
    network = find_network("MIRNetv2").build(small)
    network.eval()
    paddle.save(network.state_dict(), str(tmp_path / "views.pdparams"))
    assert export(["--weight_path", "views.pdparams"]) == 0
    session = onnxruntime.InferenceSession("mirnetv2_dualpixeldeblurring.onnx")
    for size in ((12, 20), (64, 32)):
        picture = np.random.default_rng(0).random([1, 6, *size], np.float32)
        with paddle.no_grad():
            expected = network(paddle.to_tensor(picture))[0].numpy()
        np.testing.assert_allclose(session.run(["y"], {"x": picture})[0], expected, atol=1e-5)


def test_paddle_format_runs_at_any_size(root, tmp_path):
    import paddle

    from ppgan_mpr.networks import find_network

    network = find_network("MIRNet").build({"n_feat": 8, "n_RRG": 1, "n_MSRB": 1})
    network.eval()
    paddle.save(network.state_dict(), str(tmp_path / "w.pdparams"))
    command = [sys.executable, str(root / "tools/export_model.py"), "--weight_path", "w.pdparams"]
    command += ["--task", "LowLight", "--format", "paddle", "-o", "mirnet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "(equal)" in done.stdout
    written = sorted(path.name for path in tmp_path.glob("mirnet*"))
    assert written == ["mirnet.json", "mirnet.pdiparams"]
    loaded = paddle.jit.load(str(tmp_path / "mirnet"))
    for size in ((16, 24), (64, 32)):
        picture = paddle.rand([1, 3, *size])
        with paddle.no_grad():
            expected = network(picture)[0].numpy()
        np.testing.assert_allclose(loaded(picture).numpy(), expected, atol=1e-5)


@pytest.fixture
def small(tmp_path):
    """A small MIRNet-v2 in small.pdparams, which does not state its task or scale."""
    import paddle

    from ppgan_mpr.networks import find_network

    network = find_network("MIRNetv2").build({"n_feat": 8, "n_MRB": 1, "groups": (1, 2)})
    paddle.save(network.state_dict(), str(tmp_path / "small.pdparams"))
    return ["--weight_path", "small.pdparams"]


@pytest.mark.parametrize(
    ("options", "task", "scale"),
    [
        (["--task", "lowlight"], "LowLight", "1"),
        (["--task", "SuperResolution", "--scale", "3"], "SuperResolution", "3"),
    ],
)
def test_metadata_states_the_task_and_the_scale(export, small, options, task, scale):
    import onnx

    assert export([*small, *options, "--format", "ONNX", "-o", "model"]) == 0
    stored = {entry.key: entry.value for entry in onnx.load("model.onnx").metadata_props}
    assert (stored["network"], stored["task"], stored["scale"]) == ("MIRNetv2", task, scale)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "LowLight", "--scale", "2"], "--scale 2, but LowLight does not enlarge"),
        (["--task", "SuperResolution"], "give --scale"),
        (["--task", "LowLight", "--network", "MIRNet"], "holds weights of MIRNetv2"),
        (["--task", "LowLight", "--model", "published"], "--weight_path replaces --model"),
        ([], "give --task"),
    ],
)
def test_options_must_fit_your_own_weights(export, small, capsys, options, message):
    assert export([*small, *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.txt", "x.xml", "x.pdparams", "x.PNG"])
def test_suffix_of_another_format_is_refused(export, tmp_path, capsys, name):
    assert export([*LITE, "-o", name]) == 2
    assert "--format onnx writes .onnx" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Choose what to export: give --task"),
        (["--task", "SuperResolution"], "enlarge 2, 3, 4 times: choose one by --scale"),
        (["--task", "LowLight", "--model", "lite"], "no lite weights for LowLight"),
        (["--weight_path", "absent.pth"], "absent.pth"),
        ([*LITE, "-o", "file/model"], "file"),
    ],
)
def test_mistakes_exit_with_2_and_say_what_to_do(export, tmp_path, capsys, arguments, message):
    (tmp_path / "file").write_text("in the way")
    assert export(arguments) == 2
    assert message in capsys.readouterr().err
