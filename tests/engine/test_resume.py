"""A resumed run has the same result as an uninterrupted one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.engine.checkpoints import newest_checkpoint, write_state
from ppgan_mpr.errors import UsageError, WeightsError


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_run_equals_the_uninterrupted_one(settings, build, weights_of, tmp_path, workers):
    settings["ema_decay"] = 0.9
    settings["mixup"] = {"alpha": 0.6}
    settings["dataset"]["train"]["num_workers"] = workers
    settings["snapshot_config"] = {"interval": 3, "keep": 5}
    whole = build(settings)
    whole.train()

    settings["output_dir"] = str(tmp_path / "resumed")
    resumed = build(settings)
    assert not same(weights_of(resumed), weights_of(whole))
    resumed.resume(Path(whole.output_dir) / "iter_3_checkpoint.pdparams")
    resumed.train()

    assert same(weights_of(resumed), weights_of(whole))
    assert same(resumed.model.ema.state_dict(), whole.model.ema.state_dict())
    assert resumed.model.losses == whole.model.losses


@pytest.mark.parametrize(
    ("interval", "number"),
    [(100, ENDING[-1]), (2, signal.SIGTERM)],  # 2: the checkpoint is due anyway
)
def test_signal_saves_a_checkpoint_and_ends_the_run(
    settings, build, weights_of, tmp_path, caplog, interval, number
):
    settings["snapshot_config"]["interval"] = interval
    whole = build(settings)
    whole.train()

    settings["output_dir"] = str(tmp_path / "stopped")
    caplog.set_level("INFO")
    stopped = build(settings)
    log = stopped.log

    def log_and_interrupt(*args):
        log(*args)
        if stopped.state.iteration == 2:
            os.kill(os.getpid(), number)

    stopped.log = log_and_interrupt
    with pytest.raises(SystemExit) as leaving:
        stopped.train()
    assert leaving.value.code == 128 + number
    checkpoint = Path(stopped.output_dir) / "iter_2_checkpoint.pdparams"
    assert f"resume from {checkpoint}" in caplog.text
    assert signal.getsignal(number) is signal.SIG_DFL

    resumed = build(settings)
    resumed.resume(checkpoint)
    resumed.train()
    assert same(weights_of(resumed), weights_of(whole))


def test_newest_checkpoints_and_all_weights_are_kept(settings, build):
    settings["snapshot_config"] = {"interval": 1, "keep": 2}
    trainer = build(settings)
    trainer.train()
    assert sorted(path.name for path in Path(trainer.output_dir).glob("iter_*")) == [
        "iter_1_weight.pdparams",
        "iter_2_weight.pdparams",
        "iter_3_weight.pdparams",
        "iter_4_weight.pdparams",
        "iter_5_checkpoint.pdparams",
        "iter_5_weight.pdparams",
        "iter_6_checkpoint.pdparams",
        "iter_6_weight.pdparams",
    ]


def test_weights_alone_cannot_be_resumed(settings, build):
    trainer = build(settings)
    trainer.train()
    with pytest.raises(WeightsError, match="load="):
        trainer.resume(Path(trainer.output_dir) / "iter_6_weight.pdparams")


def test_checkpoint_of_another_network_is_an_error(settings, build):
    trainer = build(settings)
    trainer.train()
    settings["model"]["generator"]["width"] = 8
    other = build(settings)
    with pytest.raises(WeightsError, match="holds NAFNet with width 4"):
        other.resume(Path(trainer.output_dir) / "iter_6_checkpoint.pdparams")


CHECKPOINT = {"epoch": 1, "generator": {"weight": np.ones(3, "float32")}}


@pytest.fixture
def age():
    """A function that writes a checkpoint, modified some seconds before a fixed moment."""

    def age(path, seconds, state=CHECKPOINT):
        write_state(path, state)
        os.utime(path, (0, 1_000_000 - seconds))
        return path

    return age


def test_auto_finds_the_newest_checkpoint_of_this_configuration(tmp_path, age):
    names = [
        "mprnet-2026-01-02-03-04-05/iter_20_checkpoint.pdparams",
        "mprnet-2026-01-01-03-04-05/iter_90_checkpoint.pdparams",
        "mprnet_lite-2026-01-03-03-04-05/iter_10_checkpoint.pdparams",
        "mprnet-2026-01-02-03-04-05/iter_30_weight.pdparams",
    ]
    newest, *_ = [age(tmp_path / name, seconds) for seconds, name in enumerate(names)]
    assert newest_checkpoint(tmp_path, "mprnet") == newest
    assert newest_checkpoint(tmp_path, "mirnet") is None


def test_auto_ignores_the_times_of_files(tmp_path, age):
    names = [
        "run-2026-01-02-03-04-05-2/iter_20_checkpoint.pdparams",
        "run-2026-01-02-03-04-05-2/iter_9_checkpoint.pdparams",
        "run-2026-01-02-03-04-05/iter_40_checkpoint.pdparams",
        "run-2025-12-31-03-04-05/iter_90_checkpoint.pdparams",
    ]
    newest, *_ = [age(tmp_path / name, -seconds) for seconds, name in enumerate(names)]
    assert newest_checkpoint(tmp_path, "run") == newest


def test_auto_continues_a_run_that_went_back_to_an_earlier_checkpoint(settings, build):
    settings["snapshot_config"] = {"interval": 2, "keep": 3}
    whole = build(settings)
    whole.train()
    folder = Path(whole.output_dir)
    again = build(settings)
    again.resume(folder / "iter_2_checkpoint.pdparams")
    again.total_iters = 4
    again.train()
    assert newest_checkpoint(folder.parent, folder.name).name == "iter_4_checkpoint.pdparams"


def test_auto_falls_back_to_the_checkpoint_before_a_truncated_one(tmp_path, age, caplog):
    older = age(tmp_path / "run-2026-01-02-03-04-05" / "iter_1_checkpoint.pdparams", 9)
    newer = age(older.parent / "iter_2_checkpoint.pdparams", 0)
    newer.write_bytes(newer.read_bytes()[:50])
    assert newest_checkpoint(tmp_path, "run") == older
    assert "iter_2_checkpoint.pdparams" in caplog.text
    older.unlink()
    assert newest_checkpoint(tmp_path, "run") is None


@pytest.mark.parametrize(
    "diverged",
    [
        {**CHECKPOINT, "training": {"diverged": True}},
        {**CHECKPOINT, "generator": {"weight": np.array([1, np.nan], "float32")}},
        {**CHECKPOINT, "optim": {"weight_moment1_0": np.array([np.inf], "float32")}},
    ],
)
def test_auto_does_not_continue_with_a_diverged_state(tmp_path, age, caplog, diverged):
    older = age(tmp_path / "run-2026-01-02-03-04-05" / "iter_1_checkpoint.pdparams", 9)
    age(older.parent / "iter_2_checkpoint.pdparams", 0, diverged)
    assert newest_checkpoint(tmp_path, "run") == older
    assert "diverged" in caplog.text


@pytest.mark.parametrize("workers", [0, 2])
def test_random_numbers_of_third_party_data_sets_continue(
    settings, build, weights_of, tmp_path, workers, monkeypatch
):
    from ppgan_mpr.ppgan_compat import registry_table

    class NoisePairs:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            clean = np.full((3, 16, 16), index / 5, "float32")
            return clean, clean + np.random.normal(0, 0.1, clean.shape).astype("float32"), "x"

    monkeypatch.setitem(registry_table("DATASETS"), "NoisePairs", NoisePairs)
    settings["dataset"]["train"] = {"name": "NoisePairs", "num_workers": workers}
    settings["snapshot_config"] = {"interval": 3, "keep": 5}
    whole = build(settings)
    whole.train()
    settings["output_dir"] = str(tmp_path / "resumed")
    resumed = build(settings)
    np.random.rand(7)  # the new process has drawn other random numbers before
    resumed.resume(Path(whole.output_dir) / "iter_3_checkpoint.pdparams")
    resumed.train()
    assert same(weights_of(resumed), weights_of(whole))


def test_dropout_continues_with_the_same_random_numbers(settings, build, weights_of, tmp_path):
    import paddle

    def with_dropout():
        trainer = build(settings)
        network, forward = trainer.network, trainer.network.forward
        network.forward = lambda x: forward(paddle.nn.functional.dropout(x, 0.5))
        return trainer

    settings["snapshot_config"] = {"interval": 3, "keep": 5}
    whole = with_dropout()
    whole.train()
    settings["output_dir"] = str(tmp_path / "resumed")
    resumed = with_dropout()
    resumed.resume(Path(whole.output_dir) / "iter_3_checkpoint.pdparams")
    resumed.train()
    assert same(weights_of(resumed), weights_of(whole))


def test_checkpoint_of_another_optimizer_is_an_error(settings, build):
    trainer = build(settings)
    trainer.train()
    settings["optimizer"]["name"] = "Momentum"
    with pytest.raises(UsageError, match=r"state of Adam, but optimizer\.name is Momentum"):
        build(settings).resume(Path(trainer.output_dir) / "iter_6_checkpoint.pdparams")


def test_resuming_with_changed_options_names_them_and_keeps_the_old_file(
    settings, tmp_path, caplog
):
    import yaml

    from ppgan_mpr.engine.config import load_config
    from ppgan_mpr.engine.session import store_config

    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(settings))
    config, folder = load_config(file), tmp_path / "run"
    store_config(config, folder)
    store_config(config, folder)
    assert not caplog.text
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    first = (folder / "config.yaml").read_text()
    for decay in (0.9, 0.99):
        store_config(load_config(file, [f"ema_decay={decay}", "output_dir=elsewhere"]), folder)
    assert "ema_decay: None -> 0.9\n" in caplog.text
    assert "ema_decay: 0.9 -> 0.99" in caplog.text
    assert (folder / "config.1.yaml").read_text() == first
    assert load_config(folder / "config.2.yaml").ema_decay == 0.9
    assert load_config(folder / "config.yaml").ema_decay == 0.99


def test_runs_started_in_the_same_second_get_separate_folders(tmp_path, monkeypatch):
    from ppgan_mpr.engine import session

    monkeypatch.setattr(session.time, "strftime", lambda *_: "-2026-01-02-03-04-05")
    folders = [session.make_run_folder(str(tmp_path), "mprnet") for _ in range(3)]
    assert len(set(folders)) == 3 and all(folder.is_dir() for folder in folders)
    path = folders[2] / "iter_4_checkpoint.pdparams"
    write_state(path, CHECKPOINT)
    assert newest_checkpoint(tmp_path, "mprnet") == path
