"""tools/main.py as its users call it."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("paddle")
yaml = pytest.importorskip("yaml")
pytest.importorskip("ppgan")

TINY = [f"model.generator.{k}" for k in ("n_feat=8", "scale_unetfeats=4", "scale_orsnetfeats=4")]

# The keys and values of PaddleGAN's configs/mprnet_*.yaml.
PADDLEGAN_DATA = {
    "deblurring": ("data/GoPro/train", "data/GoPro/test", {}),
    "denoising": ("data/SIDD/train", "data/SIDD/val", {"n_feat": 80}),
    "deraining": ("data/Synthetic_Rain_Datasets/train", "data/Rain100L", {"n_feat": 40}),
}


def paddlegan_config(task):
    train, test, widths = PADDLEGAN_DATA[task]
    loading = {"num_workers": 0, "batch_size": 4, "img_options": {"patch_size": 256}}
    metric = {"crop_border": 4, "test_y_channel": True}
    return {
        "total_iters": 100000,
        "output_dir": "output_dir",
        "model": {
            "name": "MPRModel",
            "generator": {"name": "MPRNet", **widths},
            "char_criterion": {"name": "CharbonnierLoss"},
            "edge_criterion": {"name": "EdgeLoss"},
        },
        "dataset": {
            "train": {"name": "MPRTrain", "rgb_dir": train, **loading},
            "test": {"name": "MPRTrain", "rgb_dir": test, **loading},
        },
        "lr_scheduler": {
            "name": "CosineAnnealingRestartLR",
            "learning_rate": 2e-4,
            "periods": [25000] * 4,
            "restart_weights": [1] * 4,
            "eta_min": 1e-6,
        },
        "validate": {
            "interval": 5000,
            "save_img": False,
            "metrics": {"psnr": {"name": "PSNR", **metric}, "ssim": {"name": "SSIM", **metric}},
        },
        "optimizer": {
            "name": "Adam",
            "net_names": ["generator"],
            "beta1": 0.9,
            "beta2": 0.999,
            "epsilon": "1e-8",
        },
        "log_config": {"interval": 10, "visiual_interval": 5000},
        "snapshot_config": {"interval": 5000},
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """train/ and val/ with smooth pictures and noisy copies."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 3)):
        for number in range(count):
            y, x = np.mgrid[:40, :48]
            waves = [np.sin(x / (4 + number)) + np.cos(y / (6 + c)) for c in range(3)]
            target = 127 + 60 * np.stack(waves, -1)
            noisy = target + rng.normal(0, 25, target.shape)
            for part, picture in (("target", target), ("input", noisy)):
                folder = root / split / part
                folder.mkdir(parents=True, exist_ok=True)
                pixels = picture.clip(0, 255).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture
def config(data, tmp_path):
    """The path of a yaml for a tiny run, and the overrides that all tests use."""
    content = paddlegan_config("deraining")
    content["dataset"]["train"].update(rgb_dir=str(data / "train"), batch_size=2)
    content["dataset"]["test"].update(rgb_dir=str(data / "val"), name="MPRVal", img_options=None)
    content["dataset"]["train"]["img_options"]["patch_size"] = 32
    content["validate"]["metrics"] = {"psnr": {"name": "PSNR", "protocol": "rain-y"}}
    content["output_dir"] = str(tmp_path / "out")
    content["model"]["generator"].update(
        n_feat=8, scale_unetfeats=4, scale_orsnetfeats=4, num_cab=1
    )
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def main():
    root = importlib.util.find_spec("ppgan_mpr").origin.rpartition("/ppgan_mpr/")[0]
    spec = importlib.util.spec_from_file_location("tools_main", f"{root}/tools/main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def command(root, *arguments, launcher=()):
    script = str(root / "tools" / "main.py")
    return [sys.executable, "-u", *launcher, script, *map(str, arguments)]


def outputs(config, pattern):
    return sorted((config.parent / "out").glob(f"*/{pattern}"))


def weights(path):
    from ppgan_mpr.weights import load_weights

    return load_weights(path).tensors


def same_weights(first, second):
    first, second = weights(first), weights(second)
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("task", sorted(PADDLEGAN_DATA))
def test_paddlegan_s_own_yaml_trains_and_evaluates(main, data, tmp_path, task):
    path = tmp_path / f"mprnet_{task}.yaml"
    path.write_text(yaml.safe_dump(paddlegan_config(task)))
    common = ["-o", *TINY, f"output_dir={tmp_path / 'out'}"]
    folders = [f"dataset.train.rgb_dir={data / 'train'}", f"dataset.test.rgb_dir={data / 'val'}"]
    short = ["total_iters=2", "validate.interval=2", "dataset.train.img_options.patch_size=32"]
    assert main(["-c", str(path), *common, *folders, *short]) == 0

    (scores,) = (tmp_path / "out").glob("*/scores/iter_2_*.json")
    content = json.loads(scores.read_text())
    assert content["protocol"]["border"] == 4
    assert content["protocol"]["colour"] == "y"
    assert len(content["images"]) == 3
    assert 5 < content["mean"]["psnr"] < 60  # PaddleGAN's own MPRModel reports 0.0000


def test_evaluation_scores_each_picture_and_builds_no_training_loader(main, config):
    assert main(["-c", str(config), "-o", "total_iters=1"]) == 0
    (weight,) = outputs(config, "iter_1_weight.pdparams")
    absent = "dataset.train.rgb_dir=/absent"
    evaluate = ["--evaluate-only", "--load", str(weight)]
    shown = ["validate.save_img=True", "validate.save_panels=True"]
    assert main(["-c", str(config), *evaluate, "-o", absent, *shown]) == 0

    (table,) = outputs(config, "scores/evaluation_rain-y.csv")
    rows = list(csv.DictReader(table.open()))
    assert [row["name"] for row in rows] == ["0", "1", "2", "mean"]
    assert {row["protocol"] for row in rows} == {"rain-y"}

    folder = table.parent.parent / "visual_test" / "evaluation"
    panel = np.asarray(Image.open(folder / "panels" / "1.png"))
    assert panel.shape == (40, 3 * 48, 3)
    source = yaml.safe_load(config.read_text())["dataset"]["test"]["rgb_dir"]
    for third, part in ((0, "input"), (2, "target")):  # the restored picture is between them
        expected = np.asarray(Image.open(f"{source}/{part}/1.png"))
        np.testing.assert_array_equal(panel[:, third * 48 : (third + 1) * 48], expected)
    restored = np.asarray(Image.open(folder / "1.png"))
    np.testing.assert_array_equal(panel[:, 48:96], restored)


def test_previews_show_true_colours(main, config, data):
    options = ["total_iters=1", "log_config.visiual_interval=1", "dataset.train.batch_size=1"]
    assert main(["-c", str(config), "-o", *options]) == 0
    (preview,) = outputs(config, "visual_train/*_target.png")
    shown = np.asarray(Image.open(preview)).astype(float)
    levels = np.concatenate(
        [np.asarray(Image.open(path)).ravel() for path in (data / "train" / "target").iterdir()]
    )
    assert shown.min() < np.quantile(levels, 0.2)  # not washed out around grey
    assert shown.mean() == pytest.approx(levels.mean(), abs=30)


def test_weights_load_by_catalogue_name_and_must_fit(main, config, capsys):
    assert main(["-c", str(config), "--evaluate-only", "--load", "lite:Deraining"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "does not fit MPRNet" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "total_iter=3"], "did you mean total_iters?"),
        (["--resume", "absent.pdparams"], "no such file"),
        (["--resume", "auto"], "found no checkpoint"),
        (["-o", "dataset.train.rgb_dir=/absent"], "/absent"),
        (["-o", "output_dir=/proc/absent"], "/proc/absent"),
        (["--seed", "-1"], "seed is -1"),
        (["--evaluate-only"], "name them with --load"),
        (["-o", "optimizer.beta1=1"], "cannot be built: ValueError"),
        (["-o", "optimizer.net_names=[absent]"], "cannot be built"),
        (["--resume", "auto", "--seed", "5"], "its own seed"),
    ],
)
def test_mistakes_are_one_line(main, config, capsys, arguments, message):
    assert main(["-c", str(config), *arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]


def test_killed_run_resumes_to_the_same_weights(config, root):
    options = ["-o", "total_iters=20", "snapshot_config.interval=1", "ema_decay=0.9"]
    whole = subprocess.Popen(
        command(root, "-c", config, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert whole.wait() == 0
    (expected,) = outputs(config, "iter_20_weight.pdparams")

    options += [f"output_dir={config.parent / 'out' / 'killed'}"]
    killed = subprocess.Popen(
        command(root, "-c", config, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(config.parent.glob("out/killed/*/iter_*_checkpoint.pdparams")):
        assert killed.poll() is None
        time.sleep(0.01)
    time.sleep(random.random() / 5)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (folder,) = (config.parent / "out" / "killed").iterdir()
    assert not (folder / "iter_20_weight.pdparams").exists(), "killed too late to prove anything"

    resumed = command(root, "-c", config, "--resume", "auto", *options)
    assert subprocess.run(resumed, check=False, capture_output=True).returncode == 0
    assert same_weights(folder / "iter_20_weight.pdparams", expected)


def losses(log):
    return np.array([float(value) for value in re.findall(r" loss (\d+\.\d+)", log.read_text())])


def test_two_processes_train_and_score_as_one(config, root):
    options = ["-o", "total_iters=20", "validate.interval=20", "log_config.interval=1"]
    one = command(root, "-c", config, *options, "dataset.train.batch_size=4")
    assert subprocess.run(one, check=False, capture_output=True).returncode == 0
    (one_log,) = outputs(config, "log.txt")
    (one_scores,) = outputs(config, "scores/iter_20_rain-y.json")

    options += [f"output_dir={config.parent / 'two'}"]
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node=2", "--backend=gloo"]
    launcher += [f"--log_dir={config.parent / 'launch'}"]
    two = command(root, "-c", config, "--no-cuda", *options, launcher=launcher)
    result = subprocess.run(two, check=False, capture_output=True, text=True, cwd=config.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    (folder,) = (config.parent / "two").iterdir()  # process 1 made none of its own

    np.testing.assert_allclose(losses(folder / "log.txt"), losses(one_log), atol=1e-4)
    assert len(losses(one_log)) == 20
    first, second = (
        json.loads(path.read_text())
        for path in (one_scores, folder / "scores" / "iter_20_rain-y.json")
    )
    assert [image["name"] for image in second["images"]] == ["0", "1", "2"]
    assert second["mean"]["psnr"] == pytest.approx(first["mean"]["psnr"], abs=1e-3)
    assert second["mean"]["ssim"] == pytest.approx(first["mean"]["ssim"], abs=1e-4)
