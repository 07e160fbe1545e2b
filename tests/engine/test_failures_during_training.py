"""Errors, signals and full disks in the middle of a run lose no finished iteration."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.engine import checkpoints as ckpt
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.files import TEMPORARY

WORKERS = [0, 2]


@pytest.fixture(autouse=True)
def end_when_hanging():
    """End a hanging test, as Paddle's reader ignores signals while it waits."""
    faulthandler.dump_traceback_later(180, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def damaged(pairs, tmp_path):
    """A copy of the pairs; one training and one validation picture have broken pixels."""
    folder = tmp_path / "damaged"
    shutil.copytree(pairs, folder)
    for name in ("train/input/03.png", "val/target/02.png"):
        path = folder / name
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 100] = bytes(100)
        path.write_bytes(content)
    return folder


@pytest.mark.parametrize("workers", WORKERS)
def test_damaged_picture_ends_training_with_its_name(settings, build, damaged, workers):
    settings["total_iters"] = 100
    settings["dataset"]["train"].update(rgb_dir=str(damaged / "train"), num_workers=workers)
    trainer = build(settings)
    with pytest.raises(ImageError, match=r"03\.png"):
        trainer.train()
    if trainer.state.iteration:
        last = Path(trainer.output_dir) / f"iter_{trainer.state.iteration}_checkpoint.pdparams"
        assert ckpt.read_state(last)["epoch"] == trainer.state.iteration


@pytest.mark.parametrize("workers", WORKERS)
def test_damaged_picture_ends_scoring_with_its_name(settings, build, damaged, workers):
    settings["dataset"]["test"].update(rgb_dir=str(damaged / "val"), num_workers=workers)
    with pytest.raises(ImageError, match=r"02\.png"):
        build(settings, is_train=False).score()


@pytest.mark.parametrize("workers", WORKERS)
def test_programming_errors_of_a_data_set_keep_their_traceback(workers):
    from ppgan_mpr.engine.loading import load_batches

    class Broken:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return {}[index]

    with pytest.raises(RuntimeError, match=r"in __getitem__(.|\n)*KeyError"):
        list(load_batches(Broken(), [[0], [1]], workers))


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.parametrize("number", ENDING[1:])
def test_signal_to_all_processes_of_a_job_still_saves_a_checkpoint(settings, build, number):
    """Cluster schedulers signal every process of a job, and so do closed terminals."""
    settings["dataset"]["train"]["num_workers"] = 2
    trainer = build(settings)
    log = trainer.log
    before = _children()  # workers of other tests, which must stay alive

    def log_and_interrupt(*args):
        log(*args)
        if trainer.state.iteration == 2:
            children = sorted(_children() - before)
            assert len(children) >= 2
            # Another process sends the signals: Paddle's workers ignore signals of their parent.
            subprocess.run(["kill", f"-{number}", *children, str(os.getpid())], check=True)
            time.sleep(0.2)

    trainer.log = log_and_interrupt
    with pytest.raises(SystemExit):
        trainer.train()
    assert (Path(trainer.output_dir) / "iter_2_checkpoint.pdparams").exists()


def test_signal_interrupts_validation(settings, build):
    settings["validate"]["interval"] = 2
    settings["dataset"]["test"]["batch_size"] = 1
    trainer = build(settings)
    restore, restored = trainer.model.restore, []

    def restore_and_interrupt(*batch):
        restored.append(batch)
        os.kill(os.getpid(), signal.SIGTERM)
        return restore(*batch)

    trainer.model.restore = restore_and_interrupt
    with pytest.raises(SystemExit) as leaving:
        trainer.train()
    assert leaving.value.code == 128 + signal.SIGTERM
    assert len(restored) == 1
    folder = Path(trainer.output_dir)
    assert ckpt.read_state(folder / "iter_2_checkpoint.pdparams")["epoch"] == 2
    assert not (folder / "scores").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rgb_dir": "/absent"}, "/absent"),
        (None, "dataset.test"),
        ({"protocol": "sidd"}, "00: a picture of 32x24 pixels does not divide"),
        ({"img_options": {"patch_size": 16}}, "crops its pictures to 16x16"),
    ],
)
def test_impossible_validation_is_an_error_before_training(settings, build, change, message):
    if change and "protocol" in change:
        settings["validate"]["metrics"]["psnr"].update(change)
    elif change:
        settings["dataset"]["test"].update(change)
    else:
        settings["dataset"]["test"] = None
    with pytest.raises(UsageError, match=message):
        build(settings)


def test_failing_validation_loses_no_iteration(settings, build):
    settings["validate"]["interval"] = 3
    trainer = build(settings)

    def fail(*batch):
        raise ZeroDivisionError

    trainer.model.restore = fail
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    last = Path(trainer.output_dir) / "iter_3_checkpoint.pdparams"
    assert ckpt.read_state(last)["epoch"] == 3


def test_snapshot_is_written_before_validation(settings, build):
    settings["validate"]["interval"] = settings["snapshot_config"]["interval"] = 3
    settings["total_iters"] = 3
    trainer = build(settings)
    path = Path(trainer.output_dir) / "iter_3_checkpoint.pdparams"
    restore, there = trainer.model.restore, []
    trainer.model.restore = lambda *batch: (there.append(path.exists()), restore(*batch))[1]
    trainer.train()
    assert there and all(there)
    assert (
        ckpt.read_state(path)["training"]["best"] == trainer.state.best_psnr
    )  # it is written again after the validation


def test_full_disk_is_a_clear_error_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "iter_1_checkpoint.pdparams"
    ckpt.write_state(path, {"epoch": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device"):
        ckpt.write_state(path, {"epoch": 2})
    assert ckpt.read_state(path)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_run_resumed_from_an_early_checkpoint_keeps_its_own_newest_files(settings, build):
    settings["snapshot_config"] = {"interval": 1, "keep": 4}
    whole = build(settings)
    whole.train()
    folder = Path(whole.output_dir)
    leftover = folder / f".{'0' * 32}{TEMPORARY}"  # of a process that was killed long ago
    leftover.touch()
    os.utime(leftover, (0, 0))
    time.sleep(0.02)

    settings["snapshot_config"]["keep"] = 2
    again = build(settings)
    again.resume(folder / "iter_3_checkpoint.pdparams")
    again.total_iters = 5
    again.train()
    kept = sorted(path.name for path in folder.glob("iter_*_checkpoint.pdparams"))
    assert kept == ["iter_4_checkpoint.pdparams", "iter_5_checkpoint.pdparams"]
    assert not leftover.exists()


def test_raised_total_iters_stretches_the_schedule(settings, build):
    settings["lr_scheduler"]["warmup_iters"] = 0
    first = build(settings)
    first.train()
    assert first.optimizer.get_lr() == pytest.approx(0)
    settings["total_iters"] = 12
    longer = build(settings)
    longer.resume(Path(first.output_dir) / "iter_6_checkpoint.pdparams")
    assert longer.optimizer.get_lr() == pytest.approx(0.5e-3)  # half-way down the cosine


def test_resuming_a_finished_run_logs_it_and_changes_nothing(settings, build, caplog):
    first = build(settings)
    first.train()
    path = Path(first.output_dir) / "iter_6_checkpoint.pdparams"
    settings["seed"] = 5
    again = build(settings)
    again.resume(path)
    assert again.state.seed == 0  # the seed of the run
    again.train()
    assert "iteration 6 of 6 is done" in caplog.text
    np.testing.assert_array_equal(
        ckpt.read_state(path)["generator"]["ending.weight"], again.network.ending.weight.numpy()
    )


def test_error_in_the_middle_of_an_update_saves_no_half_iteration(settings, build):
    settings["snapshot_config"]["interval"] = 2
    trainer = build(settings)
    schedule_step = trainer.lr_scheduler.step

    def fail(*args):
        if trainer.state.iteration == 3:  # the weights are those of iteration 4, the rate is not
            raise ZeroDivisionError
        schedule_step(*args)

    trainer.lr_scheduler.step = fail
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    assert [path.name for path in Path(trainer.output_dir).glob("*_checkpoint.pdparams")] == [
        "iter_2_checkpoint.pdparams"
    ]


def test_unwritable_preview_does_not_end_the_run(settings, build, weights_of, tmp_path):
    whole = build(settings)
    whole.train()
    settings["output_dir"] = str(tmp_path / "again")
    settings["log_config"]["visiual_interval"] = 2
    again = build(settings)
    Path(again.output_dir).mkdir()
    (Path(again.output_dir) / "visual_train").touch()  # a file instead of a folder
    again.train()
    for name, value in weights_of(whole).items():
        np.testing.assert_array_equal(value, weights_of(again)[name])


def test_interrupted_validation_is_repeated_on_resuming(settings, build, tmp_path):
    settings["validate"]["interval"] = settings["snapshot_config"]["interval"] = 3
    settings["ema_decay"] = 0.5
    whole = build(settings)
    whole.train()

    settings["output_dir"] = str(tmp_path / "killed")
    for iteration in (3, 6):
        killed = build(settings)
        restore = killed.model.restore

        def kill(*batch, killed=killed, iteration=iteration, restore=restore):
            if killed.state.iteration == iteration:
                raise KeyboardInterrupt
            return restore(*batch)

        killed.model.restore = kill
        folder = Path(killed.output_dir)
        if iteration == 6:
            killed.resume(folder / "iter_3_checkpoint.pdparams")
        with pytest.raises(KeyboardInterrupt):
            killed.train()
        assert (folder / f"iter_{iteration}_weight.pdparams").exists()
        assert not (folder / "scores" / f"iter_{iteration}_gopro.json").exists()

    resumed = build(settings)
    resumed.resume(folder / "iter_6_checkpoint.pdparams")  # all its iterations are done
    resumed.train()
    for number in (3, 6):
        name = Path("scores") / f"iter_{number}_gopro.csv"
        assert (folder / name).read_text() == (Path(whole.output_dir) / name).read_text()
    assert resumed.state.best_psnr == whole.state.best_psnr
    again = build(settings)
    again.resume(folder / "iter_6_checkpoint.pdparams")
    again.validate = None  # it must not be called, as no validation is missing
    again.train()


def test_error_in_another_process_ends_the_run_with_a_checkpoint(settings, build, monkeypatch):
    from ppgan_mpr.engine import data

    trainer = build(settings)
    votes = SimpleNamespace(in_any=lambda flag: bool(flag) or trainer.state.iteration == 2)
    monkeypatch.setattr(data, "processes", votes)
    with pytest.raises(data.ElsewhereError, match="its own log"):
        trainer.train()
    last = Path(trainer.output_dir) / "iter_2_checkpoint.pdparams"
    assert ckpt.read_state(last)["epoch"] == 2
