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


@pytest.mark.parametrize(
    ("form", "suffixes"),
    [("onnx", [".onnx"]), ("openvino", [".bin", ".xml"]), ("paddle", [".json", ".pdiparams"])],
)
def test_formats(root, tmp_path, form, suffixes):
    if form == "openvino":
        pytest.importorskip("openvino")
    command = [sys.executable, str(root / "tools/export_model.py"), *LITE, "--format", form]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "(equal)" in done.stdout
    names = [f"mprnet_deraining_lite{suffix}" for suffix in suffixes]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_names_with_dots_and_existing_files(export, tmp_path, capsys):
    assert export([*LITE, "-o", "out/my.model.v2"]) == 0
    path = tmp_path / "out" / "my.model.v2.onnx"
    content = path.read_bytes()
    path.write_bytes(b"dear to somebody")
    assert export([*LITE, "-o", "out/my.model.v2.onnx"]) == 2
    assert "exists: choose another --output or pass --overwrite" in capsys.readouterr().err
    assert path.read_bytes() == b"dear to somebody"
    assert export([*LITE, "-o", "out/my.model.v2.onnx", "--overwrite"]) == 0
    assert len(path.read_bytes()) == len(content)


def test_the_model_runs_elsewhere_at_any_size(export, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    import paddle

    from ppgan_mpr.networks import find_network

    small = {"inp_channels": 6, "n_feat": 16, "groups": (1, 2), "task": "defocus_deblurring"}
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


def test_paddles_own_form_at_any_size(root, tmp_path):
    import paddle

    from ppgan_mpr.networks import find_network

    network = find_network("MIRNet").build({"n_feat": 16, "n_RRG": 1, "n_MSRB": 1})
    network.eval()
    paddle.save(network.state_dict(), str(tmp_path / "w.pdparams"))
    command = [sys.executable, str(root / "tools/export_model.py"), "--weight_path", "w.pdparams"]
    command += ["--task", "LowLight", "--format", "paddle", "-o", "mirnet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = paddle.jit.load(str(tmp_path / "mirnet"))
    for size in ((16, 24), (64, 32)):
        picture = paddle.rand([1, 3, *size])
        with paddle.no_grad():
            expected = network(picture)[0].numpy()
        np.testing.assert_allclose(loaded(picture).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "What is to be exported? Give --task"),
        (["--task", "SuperResolution"], "enlarge 2, 3, 4 times: give --scale"),
        (["--task", "LowLight", "--model", "lite"], "no lite weights for LowLight"),
        (["--weight_path", "absent.pth"], "absent.pth"),
        ([*LITE, "-o", "file/model"], "file"),
    ],
)
def test_mistakes(export, tmp_path, capsys, arguments, message):
    (tmp_path / "file").write_text("in the way")
    assert export(arguments) == 2
    assert message in capsys.readouterr().err
