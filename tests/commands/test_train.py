"""The command ``mprnet-train``."""

from __future__ import annotations

import csv
import json
import logging
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

from ppgan_mpr.commands.train import main  # noqa: E402
from ppgan_mpr.engine import session  # noqa: E402
from ppgan_mpr.engine.mpr_model import MPRModel  # noqa: E402
from ppgan_mpr.engine.run_lock import RunLock  # noqa: E402
from ppgan_mpr.engine.validation import Validation  # noqa: E402
from ppgan_mpr.errors import DownloadError  # noqa: E402
from ppgan_mpr.weights.formats import write_file  # noqa: E402

pytestmark = pytest.mark.usefixtures("undrawn_curves")

SIZE = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}

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
    content["model"]["generator"].update(SIZE)
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def command(root, *arguments):
    script = str(root / "tools" / "main.py")
    return [sys.executable, "-u", script, *map(str, arguments)]


def launch(config, *program):
    """Run a program in two processes of Paddle's launcher; returns the finished launcher."""
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node=2", "--backend=gloo"]
    launcher += [f"--log_dir={config.parent / 'launch'}"]
    line = [sys.executable, "-u", *launcher, *map(str, program)]
    return subprocess.run(line, check=False, capture_output=True, text=True, cwd=config.parent)


def outputs(config, pattern):
    return sorted((config.parent / "out").glob(f"*/{pattern}"))


def weights(path):
    from ppgan_mpr.weights import load_weights

    return load_weights(path).tensors


def same_weights(first, second):
    first, second = weights(first), weights(second)
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("task", sorted(PADDLEGAN_DATA))
def test_paddlegans_own_yaml_trains_and_scores(data, tmp_path, task):
    path = tmp_path / f"mprnet_{task}.yaml"
    path.write_text(yaml.safe_dump(paddlegan_config(task)))
    tiny = [f"model.generator.{name}={size}" for name, size in SIZE.items()]
    common = ["-o", *tiny, f"output_dir={tmp_path / 'out'}"]
    folders = [f"dataset.train.rgb_dir={data / 'train'}", f"dataset.test.rgb_dir={data / 'val'}"]
    short = ["total_iters=2", "validate.interval=2", "dataset.train.img_options.patch_size=32"]
    assert main(["-c", str(path), *common, *folders, *short]) == 0

    (scores,) = (tmp_path / "out").glob("*/scores/iter_2_*.json")
    content = json.loads(scores.read_text())
    assert content["protocol"]["border"] == 4
    assert content["protocol"]["colour"] == "y"
    assert len(content["images"]) == 3
    assert 5 < content["mean"]["psnr"] < 60  # PaddleGAN's own MPRModel reports 0.0000


def test_evaluation_scores_each_picture_and_builds_no_training_loader(config):
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


def test_previews_show_true_colours(config, data):
    options = ["total_iters=1", "log_config.visiual_interval=1", "dataset.train.batch_size=1"]
    assert main(["-c", str(config), "-o", *options]) == 0
    (preview,) = outputs(config, "visual_train/*_target.png")
    shown = np.asarray(Image.open(preview)).astype(float)
    levels = np.concatenate(
        [np.asarray(Image.open(path)).ravel() for path in (data / "train" / "target").iterdir()]
    )
    assert shown.min() < np.quantile(levels, 0.2)  # not washed out around grey
    assert shown.mean() == pytest.approx(levels.mean(), abs=30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "total_iter=3"], "did you mean total_iters?"),
        (["--resume", "absent.pdparams"], "no such file"),
        (
            ["-o", "dataset.train.rgb_dir=/absent"],
            "error: dataset.train.rgb_dir: /absent must hold",
        ),
        (["-o", "output_dir=/proc/absent"], "output_dir is '/proc/absent', where no folder can"),
        (["--seed", "-1"], "seed is -1"),
        (["--evaluate-only"], "name them with --load"),
        (["-o", "optimizer.beta1=1"], "beta1 is 1: give a number from 0, below 1."),
        (["-o", "optimizer.net_names=[absent]"], "give a list of ['generator']."),
        (["-o", "lr_scheduler.eta_min=1"], "lr_scheduler.eta_min is 1, above"),
        (["--resume", "auto", "--seed", "5"], "its own seed"),
        (["--resume", "x", "--load", "y"], "leave out --load, or use --resume auto"),
        (["--resume", "auto", "--load", "y", "--evaluate-only"], "leave out --resume"),
        (["--resume", "auto", "--load", "absent"], "absent"),
        (["--load", "lite:Deraining"], "lite:Deraining holds MPRNet with"),
        (["--evaluate-only", "--load", "lite:Deraining"], "lite:Deraining holds MPRNet with"),
        (["--evaluate-only", "--load", "x", "-o", "dataset.test.rgb_dir=/absent"], "/absent"),
        (["-o", "dataset.test.rgb_dir=/absent"], "error: dataset.test.rgb_dir: /absent must hold"),
        (["-o", "model.generator.n_feat=0"], "n_feat=0: give a whole number from 1"),
        (["-o", "model.generator.n_feat=x"], "model.generator.n_feat is 'x'"),
        (["-p", "state=TPU"], "state='TPU'"),
        (["-p", "profile_path=PROFILE", "--load", "absent"], "absent"),
    ],
)
def test_failing_start_is_one_line_and_writes_nothing(
    config, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(config.parent)
    before = sorted(config.parent.iterdir())
    assert main(["-c", str(config), *arguments]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert sorted(config.parent.iterdir()) == before


def test_resume_auto_starts_then_resumes_then_does_nothing(config, capsys):
    start = ["-c", str(config), "--resume", "auto", "-o"]
    assert main([*start, "total_iters=1"]) == 0
    assert "this is a new run" in capsys.readouterr().out
    for _ in range(2):
        assert main([*start, "total_iters=2"]) == 0
    assert "iteration 2 of 2 is done" in capsys.readouterr().out
    assert len(outputs(config, "")) == 1


def test_requeued_fine_tuning_starts_from_weights_and_then_resumes(config, capsys):
    assert main(["-c", str(config), "-o", "total_iters=1", "model.edge_criterion=null"]) == 0
    (start,) = outputs(config, "iter_1_weight.pdparams")
    # With a learning rate near zero the weights do not change.
    options = ["total_iters=1", "lr_scheduler.learning_rate=1e-30", "lr_scheduler.eta_min=0"]
    options += [f"output_dir={config.parent / 'out' / 'tuned'}"]
    tune = ["-c", str(config), "--resume", "auto", "--load", str(start), "-o", *options]
    assert main(tune) == 0
    shown = capsys.readouterr().out
    assert "this is a new run" in shown and f"Loaded weights from {start}" in shown
    (folder,) = (config.parent / "out" / "tuned").iterdir()
    assert same_weights(folder / "iter_1_weight.pdparams", start)

    assert main([*tune, "total_iters=2"]) == 0
    shown = capsys.readouterr().out
    assert f"--load {start} is ignored" in shown and "Loaded weights" not in shown
    assert (folder / "iter_2_weight.pdparams").exists()


def test_run_that_is_still_going_on_is_not_resumed(config, capsys):
    assert main(["-c", str(config), "-o", "total_iters=1"]) == 0
    (log,) = outputs(config, "log.txt")
    before = log.read_text()
    with RunLock(log.parent):
        assert main(["-c", str(config), "--resume", "auto"]) == 1
    assert "is in use by process" in capsys.readouterr().err
    assert log.read_text() == before


def test_configuration_without_its_sample_pictures_names_the_options_to_change(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["-c", "mprnet_tiny_denoising"]) == 1
    message = capsys.readouterr().err
    assert "dataset.train.rgb_dir and dataset.test.rgb_dir: samples/Denoising must" in message


def test_resuming_from_weights_alone_suggests_load(config, capsys):
    assert main(["-c", str(config), "-o", "total_iters=1"]) == 0
    (weight,) = outputs(config, "iter_1_weight.pdparams")
    capsys.readouterr()
    assert main(["-c", str(config), "--resume", str(weight)]) == 1
    assert f"start from its weights with --load {weight}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "published:LowLight",
            "published:LowLight holds weights of MIRNetv2, and this network is MPRNet: "
            "use the configuration mirnetv2_lowlight, or other weights.",
        ),
        (
            "published:Denoising",
            "published:Denoising holds MPRNet with n_feat 80, scale_unetfeats 48, "
            "scale_orsnetfeats 32, num_cab 8, and this network has n_feat 8, scale_unetfeats 4, "
            "scale_orsnetfeats 4, num_cab 1: use the configuration mprnet_denoising.",
        ),
        ("lite:Deraining", ": use the configuration mprnet_lite_deraining."),
    ],
)
def test_weights_of_another_network_or_size_are_refused_before_a_download(
    config, capsys, monkeypatch, name, message
):
    def fail(*_):
        raise DownloadError("There is no network.")

    monkeypatch.setattr("ppgan_mpr.weights.published.fetch", fail)
    assert main(["-c", str(config), "--load", name]) == 1
    assert message in capsys.readouterr().err


def test_weights_of_unknown_task_are_offered_all_configurations_of_their_size(config, capsys):
    copy = config.parent / "copy.safetensors"
    write_file(copy, weights("lite:Deraining"))
    assert main(["-c", str(config), "--load", str(copy)]) == 1
    assert (
        "use one of the configurations mprnet_lite_deblurring, mprnet_lite_denoising, "
        "mprnet_lite_deraining." in capsys.readouterr().err
    )


def test_failed_download_suggests_no_weights_of_another_size(config, capsys, monkeypatch):
    def fail(_):
        raise DownloadError("It is not there: fetch it, or use model='lite', which needs none.")

    monkeypatch.setattr("ppgan_mpr.engine.scoring.load_weights", fail)
    size = ["n_feat=40", "scale_unetfeats=20", "scale_orsnetfeats=16", "num_cab=8"]
    options = ["-o", *(f"model.generator.{item}" for item in size)]
    assert main(["-c", str(config), "--load", "published:Deraining", *options]) == 1
    assert "It is not there: fetch it." in capsys.readouterr().err


def test_terminal_and_file_show_each_message_once(config, capsys, caplog):
    config.write_text(config.read_text() + "surplus: 1\n")
    loggers = [logging.getLogger(name) for name in ("ppgan", "ppgan_mpr")]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for number in (1, 2):  # two runs of one process have a log each
        options = ["total_iters=1", "log_config.interval=1"]
        options += [f"output_dir={config.parent / f'out{number}'}"]
        assert main(["-c", str(config), "-o", *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        (log,) = (config.parent / f"out{number}").glob("*/log.txt")
        assert log.read_text().splitlines() == lines
        messages = [line.partition(": ")[2] for line in lines]
        assert f"Configuration: {config}" in messages
        assert f"Output folder: {log.parent}" in messages
        assert sum("nothing reads the option 'surplus'" in message for message in messages) == 1
        assert sum("iter 1/1" in message for message in messages) == 1
        assert len(set(messages)) == len(messages)
    assert caplog.messages == []  # a script's own handlers do not show them again
    assert before == [(logger.handlers, logger.level, logger.propagate) for logger in loggers]


def test_configurations_of_the_package_are_listed(capsys, root):
    with pytest.raises(SystemExit) as leaving:
        main(["--list-configs"])
    assert leaving.value.code == 0
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(listed) == {path.stem for path in (root / "ppgan_mpr/configs").glob("*.yaml")}
    assert all(text[0].isupper() and text.endswith(".") for text in listed.values())


def test_configuration_of_the_package_trains_by_its_name(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # where the file does not exist
    options = [f"dataset.{part}.rgb_dir={data / 'train'}" for part in ("train", "test")]
    options += ["total_iters=1", "validate.interval=-1", "dataset.train.img_options.patch_size=32"]
    options += ["lr_scheduler.warmup_iters=0"]
    assert main(["-c", "mprnet_tiny_denoising", "-o", *options]) == 0
    (folder,) = (tmp_path / "output_dir").iterdir()
    assert folder.name.startswith("mprnet_tiny_denoising-")
    used = re.search(r"Configuration: (.*)", capsys.readouterr().out)[1]
    assert used.endswith("ppgan_mpr/configs/mprnet_tiny_denoising.yaml")


def test_help_shows_the_command_as_it_was_typed(root):
    script = root / "tools" / "main.py"
    done = subprocess.run(
        [sys.executable, str(script), "-h"], check=True, capture_output=True, text=True
    )
    assert f"usage: python {script} " in done.stdout


def test_killed_run_resumes_to_the_same_weights(config, root):
    options = ["-o", "total_iters=12", "snapshot_config.interval=1", "ema_decay=0.9"]
    assert main(["-c", str(config), *options]) == 0
    (expected,) = outputs(config, "iter_12_weight.pdparams")

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
    assert not (folder / "iter_12_weight.pdparams").exists(), "killed too late to prove anything"

    assert main(["-c", str(config), "--resume", "auto", *options]) == 0
    assert same_weights(folder / "iter_12_weight.pdparams", expected)


def test_signal_before_the_first_iteration_leaves_no_folder(config, monkeypatch):
    def store_config_and_end(*arguments):
        store_config(*arguments)
        signal.raise_signal(signal.SIGTERM)

    store_config = session.store_config
    monkeypatch.setattr(session, "store_config", store_config_and_end)
    with pytest.raises(SystemExit) as leaving:
        main(["-c", str(config)])
    assert leaving.value.code == 128 + signal.SIGTERM
    assert not outputs(config, "")


def fail(*_):
    raise TypeError("a mistake\nin two lines")


def test_error_before_the_first_iteration_leaves_no_folder(config, monkeypatch):
    monkeypatch.setattr(MPRModel, "train_iter", fail)
    with pytest.raises(TypeError, match="a mistake"):
        main(["-c", str(config)])
    assert not outputs(config, "")


def test_error_after_iterations_is_the_last_line_of_the_log(config, monkeypatch):
    monkeypatch.setattr(Validation, "run", fail)
    with pytest.raises(TypeError):
        main(["-c", str(config), "-o", "total_iters=2", "validate.interval=1"])
    (log,) = outputs(config, "log.txt")
    last = log.read_text().splitlines()[-1]
    assert last.endswith("Stopped by an error: TypeError: a mistake in two lines")
    assert outputs(config, "iter_1_checkpoint.pdparams")


def losses(log):
    return np.array([float(value) for value in re.findall(r" loss (\d+\.\d+)", log.read_text())])


def test_two_processes_train_and_score_as_one(config, root):
    options = ["-o", "total_iters=6", "validate.interval=6", "log_config.interval=1"]
    assert main(["-c", str(config), *options, "dataset.train.batch_size=4"]) == 0
    (one_log,) = outputs(config, "log.txt")
    (one_scores,) = outputs(config, "scores/iter_6_rain-y.json")

    options += [f"output_dir={config.parent / 'two'}", "recompute=True"]
    result = launch(config, root / "tools" / "main.py", "-c", config, "--no-cuda", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    (folder,) = (config.parent / "two").iterdir()  # process 1 made none of its own

    np.testing.assert_allclose(losses(folder / "log.txt"), losses(one_log), atol=1e-4)
    assert len(losses(one_log)) == 6
    first, second = (
        json.loads(path.read_text())
        for path in (one_scores, folder / "scores" / "iter_6_rain-y.json")
    )
    assert [image["name"] for image in second["images"]] == ["0", "1", "2"]
    assert second["mean"]["psnr"] == pytest.approx(first["mean"]["psnr"], abs=1e-3)
    assert second["mean"]["ssim"] == pytest.approx(first["mean"]["ssim"], abs=1e-4)


def test_start_that_fails_in_one_process_writes_nothing(config, data, root):
    script = config.parent / "start.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "from ppgan_mpr.commands.train import main\n"
        "folder = '/absent' if os.environ['PADDLE_TRAINER_ID'] == '1' else "
        f"{str(data / 'train')!r}\n"
        "sys.exit(main(['--no-cuda', '-o', f'dataset.train.rgb_dir={folder}', *sys.argv[1:]]))\n"
    )
    result = launch(config, script, "-c", config)
    assert result.returncode != 0
    assert "error: " in (config.parent / "launch" / "workerlog.1").read_text()
    assert not (config.parent / "out").exists()
