"""Runs of ``mprnet-train`` that go on where an earlier one ended."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest
from training_samples import command, outputs, same_weights

pytest.importorskip("paddle")
pytest.importorskip("yaml")
pytest.importorskip("ppgan")

from ppgan_mpr.commands.train import main
from ppgan_mpr.engine.run_lock import RunLock

pytestmark = pytest.mark.usefixtures("undrawn_curves")


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


def test_resuming_from_weights_alone_suggests_load(config, capsys):
    assert main(["-c", str(config), "-o", "total_iters=1"]) == 0
    (weight,) = outputs(config, "iter_1_weight.pdparams")
    capsys.readouterr()
    assert main(["-c", str(config), "--resume", str(weight)]) == 1
    assert f"start from its weights with --load {weight}" in capsys.readouterr().err


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
