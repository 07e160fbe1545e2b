"""A network in a separate package works everywhere without changes to this package.

That package is tests/outside_network, which docs/add_a_network.md explains.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from weights_samples import dump_torch

from ppgan_mpr import InferenceOptions, Predictor, load_weights
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import Cache, Model, Restorer
from ppgan_mpr.networks import (
    find_network,
    networks,
    register_network,
    tasks,
    unregister_network,
)
from ppgan_mpr.weights.formats import write_file

paddle = require("paddle")

CONFIG = """
total_iters: 4
output_dir: runs
model:
  name: MPRModel
  generator: {name: TinyNet, width: 8, num_blocks: [1, 2]}
  char_criterion: {name: CharbonnierLoss}
dataset:
  train: {name: MPRTrain, rgb_dir: data, batch_size: 2, num_workers: 0,
          img_options: {patch_size: 32}}
  test: {name: MPRVal, rgb_dir: data}
lr_scheduler: {name: WarmupCosine, learning_rate: 1e-3, warmup_iters: 1}
optimizer: {name: Adam, net_names: [generator]}
validate: {interval: 4, metrics: {psnr: {name: PSNR}}}
log_config: {interval: 1, visiual_interval: 100}
snapshot_config: {interval: 4}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory, root):
    """A folder for Python's path that holds the installed package with its weights."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(root / "tests" / "outside_network", folder, dirs_exist_ok=True)
    sys.path.insert(0, str(folder))
    from tinynet.network import TinyNet

    paddle.seed(0)
    state = {name: np.asarray(value) for name, value in TinyNet().state_dict().items()}
    write_file(folder / "tinynet" / "tiny.safetensors", state)
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def spec(package):
    """The network's spec, registered in this process."""
    from tinynet.spec import SPEC

    known = SPEC in networks()  # registered through its entry point
    if not known:
        register_network(SPEC)
    yield SPEC
    unregister_network("TinyNet")


@pytest.fixture
def command(package, tmp_path, root, without_matplotlib):
    """A function that runs one of our commands in a process that finds the package."""
    folders = (without_matplotlib, package, root)

    def run(module, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", f"ppgan_mpr.commands.{module}", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(60, 200, (6, 8, 3), np.uint8))
    return np.asarray(small.resize((141, 95), Image.Resampling.BICUBIC))


def layer(spec, **hyperparameters):
    paddle.seed(1)
    network = spec.build(hyperparameters)
    network.eval()
    return network


def restored_by_paddle(network, photo):
    """The picture restored as a whole, after padding it with one row and one column at the end."""
    padded = np.pad(photo, [(0, 1), (0, 1), (0, 0)], "reflect").astype(np.float32) / 255
    with paddle.no_grad():
        output = network(paddle.to_tensor(padded.transpose(2, 0, 1)[None]))
    return output.numpy()[0].transpose(1, 2, 0)[:95, :141]


def test_an_installed_package_is_found_by_its_entry_point(command):
    listed = command("restore", "--list")
    assert "lite:Dehazing" in listed
    assert "haze: 12.34 dB" in listed
    assert "Dehazing" in command("restore", "--help")


def test_its_task_is_known(spec):
    assert tasks()["Dehazing"].purpose == "pictures taken through haze"
    assert find_network("tinynet") is spec


@pytest.mark.parametrize("form", [".pdparams", ".pth", ".safetensors"])
@pytest.mark.parametrize("width", [8, 12])
def test_its_files_are_recognised_with_their_hyperparameters(spec, tmp_path, form, width):
    network = layer(spec, width=width, num_blocks=(1, 2))
    state = {name: np.asarray(value) for name, value in network.state_dict().items()}
    path = tmp_path / f"weights{form}"
    if form == ".pth":
        dump_torch(path, state)
    else:
        write_file(path, state)
    weights = load_weights(path)
    assert weights.network == "TinyNet"
    assert weights.hyperparameters == {"width": width, "num_blocks": (1, 2), "wave": False}
    assert weights.task == "Dehazing"


@pytest.mark.parametrize("backend", ["paddle", "openvino", "onnxruntime"])
def test_whole_pictures_and_tiles_are_restored_on_every_backend(spec, photo, backend, tmp_path):
    if backend != "paddle":
        pytest.importorskip(backend)
        pytest.importorskip("onnx")
        pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    network = layer(spec, width=8, num_blocks=(1, 1))
    model = Model("tiny", spec, lambda: network, Cache(tmp_path))
    options = InferenceOptions(backend=backend, precision="f32")
    image = photo.astype(np.float32) / 255
    whole = Restorer(model, options)(image)
    np.testing.assert_allclose(whole, restored_by_paddle(network, photo), atol=1e-5)
    tiled = Restorer(model, options, tile=64, overlap=16)(image)
    assert np.abs(tiled - whole).max() < 0.02


def test_tiles_share_the_results_of_global_pooling(spec, photo, tmp_path):
    import dataclasses

    network = layer(spec, width=8, num_blocks=(1, 1))
    image = np.concatenate([photo // 4, 255 - photo // 4], axis=1).astype(np.float32) / 255
    alone = dataclasses.replace(spec, shared_layers=())
    errors = []
    for number, kind in enumerate((spec, alone)):
        model = Model(f"model {number}", kind, lambda: network, Cache(tmp_path))
        whole = Restorer(model, backend="paddle")(image)
        tiled = Restorer(model, backend="paddle", tile=64, overlap=16)(image)
        errors.append(np.abs(tiled - whole).mean())
    assert errors[0] < errors[1] / 2


def test_network_that_cannot_be_exported_runs_in_paddle_with_a_warning(
    spec, photo, tmp_path, caplog
):
    pytest.importorskip("onnx")
    network = layer(spec, width=8, num_blocks=(1,), wave=True)
    model = Model("wave", spec, lambda: network, Cache(tmp_path))
    with caplog.at_level(logging.WARNING):
        restorer = Restorer(model, device="cpu")
    assert restorer.backend.name == "paddle"
    assert len(caplog.records) == 1
    if int(paddle.__version__.partition(".")[0]) >= 3:
        assert "operator sin" in caplog.text
    restored = restorer(photo.astype(np.float32) / 255)
    np.testing.assert_allclose(restored, restored_by_paddle(network, photo), atol=1e-5)


def test_photographs_are_restored_and_named(spec, photo, tmp_path):
    predictor = Predictor(tmp_path, task="dehazing", model="lite", precision="f32")
    Image.fromarray(photo).save(tmp_path / "hazy.png")
    (result,) = predictor.run(tmp_path / "hazy.png")
    assert result.output == tmp_path / "Dehazing" / "hazy_restoration.png"
    expected = restored_by_paddle(load_weights("lite:Dehazing").build(), photo)
    written = np.asarray(Image.open(result.output))
    assert np.abs(written - expected.clip(0, 1) * 255).max() < 0.51


def test_its_export_equals_paddle_and_states_its_size_multiple(command, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    text = command("export", "--task", "Dehazing", "--model", "lite", "-o", "tiny.onnx")
    assert "(equal)" in text
    assert "multiples of 2" in text
    assert (tmp_path / "tiny.onnx").exists()


def test_it_trains_and_resumes_from_a_yaml(command, photo, tmp_path):
    pytest.importorskip("ppgan", reason="PaddleGAN is not installed")
    for folder in ("input", "target"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.roll(photo, number, 1)).save(
                tmp_path / "data" / folder / f"{number}.png"
            )
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    command("train", "-c", "tiny.yaml", "--no-cuda")
    log = command(
        "train", "-c", "tiny.yaml", "--no-cuda", "--resume", "auto", "-o", "total_iters=8"
    )
    assert "at iteration 5" in log
    (weights,) = Path(tmp_path / "runs").glob("*/iter_8_weight.pdparams")
    restored = command("restore", "data/input/0.png", "--weight_path", weights)
    assert "1 restored" in restored


def test_a_name_that_is_taken_is_refused(spec):
    import dataclasses

    register_network(spec)  # registering it again changes nothing
    with pytest.raises(UsageError, match="a network 'TinyNet' already"):
        register_network(dataclasses.replace(spec))
    with pytest.raises(UsageError, match="describes the task 'Denoising' differently"):
        register_network(
            dataclasses.replace(
                spec,
                name="Other",
                tasks=(dataclasses.replace(spec.tasks[0], name="Denoising"),),
                weights=(),
            )
        )
