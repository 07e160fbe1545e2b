"""The command ``mprnet-train``."""

from __future__ import annotations

import csv
import json
import logging
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from training_samples import PADDLEGAN_DATA, SIZE, outputs, paddlegan_config, weights

pytest.importorskip("paddle")
yaml = pytest.importorskip("yaml")
pytest.importorskip("ppgan")

from ppgan_mpr.commands.train import main  # noqa: E402
from ppgan_mpr.engine import session  # noqa: E402
from ppgan_mpr.engine.mpr_model import MPRModel  # noqa: E402
from ppgan_mpr.engine.validation import Validation  # noqa: E402
from ppgan_mpr.errors import DownloadError  # noqa: E402
from ppgan_mpr.weights.formats import write_file  # noqa: E402

pytestmark = pytest.mark.usefixtures("undrawn_curves")


@pytest.mark.parametrize("task", sorted(PADDLEGAN_DATA))
def test_paddlegans_own_yaml_trains_and_scores(training_data, tmp_path, task):
    path = tmp_path / f"mprnet_{task}.yaml"
    path.write_text(yaml.safe_dump(paddlegan_config(task)))
    tiny = [f"model.generator.{name}={size}" for name, size in SIZE.items()]
    common = ["-o", *tiny, f"output_dir={tmp_path / 'out'}"]
    folders = [
        f"dataset.train.rgb_dir={training_data / 'train'}",
        f"dataset.test.rgb_dir={training_data / 'val'}",
    ]
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


def test_previews_show_true_colours(config, training_data):
    options = ["total_iters=1", "log_config.visiual_interval=1", "dataset.train.batch_size=1"]
    assert main(["-c", str(config), "-o", *options]) == 0
    (preview,) = outputs(config, "visual_train/*_target.png")
    shown = np.asarray(Image.open(preview)).astype(float)
    levels = np.concatenate(
        [
            np.asarray(Image.open(path)).ravel()
            for path in (training_data / "train" / "target").iterdir()
        ]
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
            "error: dataset.train.rgb_dir: /absent must",
        ),
        (["-o", "output_dir=/proc/absent"], "output_dir is '/proc/absent', where no folder can"),
        (["--seed", "-1"], "seed is -1"),
        (["--evaluate-only"], "name them with --load"),
        (["-o", "optimizer.beta1=1"], "beta1 is 1: give a number from 0, below 1."),
        (["-o", "optimizer.net_names=[absent]"], "give a list of ['generator']."),
        (["-o", "lr_scheduler.eta_min=1"], "lr_scheduler.eta_min is 1, but the learning_rate"),
        (["--resume", "auto", "--seed", "5"], "its own seed"),
        (["--resume", "x", "--load", "y"], "leave out --load, or use --resume auto"),
        (["--resume", "auto", "--load", "y", "--evaluate-only"], "leave out --resume"),
        (["--resume", "auto", "--load", "absent"], "absent"),
        (["--load", "lite:Deraining"], "lite:Deraining holds MPRNet with"),
        (["--evaluate-only", "--load", "lite:Deraining"], "lite:Deraining holds MPRNet with"),
        (["--evaluate-only", "--load", "x", "-o", "dataset.test.rgb_dir=/absent"], "/absent"),
        (["-o", "dataset.test.rgb_dir=/absent"], "error: dataset.test.rgb_dir: /absent must"),
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


def test_configuration_without_its_sample_pictures_names_the_options_to_change(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["-c", "mprnet_tiny_denoising"]) == 1
    message = capsys.readouterr().err
    assert "dataset.train.rgb_dir and dataset.test.rgb_dir: samples/Denoising must" in message


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


def test_for_weights_of_unknown_task_all_configurations_of_their_size_are_named(config, capsys):
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


def test_configuration_of_the_package_trains_by_its_name(
    training_data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)  # where the file does not exist
    options = [f"dataset.{part}.rgb_dir={training_data / 'train'}" for part in ("train", "test")]
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
