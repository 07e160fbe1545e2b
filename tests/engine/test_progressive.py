"""Progressive training: patches that grow while batches shrink."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("yaml")
pytest.importorskip("ppgan")

import yaml

from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.data import TrainingData
from ppgan_mpr.engine.progressive import Progressive
from ppgan_mpr.errors import UsageError

PHASES = [
    {"iters": 2, "patch_size": 16, "batch_size": 3},
    {"iters": 3, "patch_size": 24, "batch_size": 2},
    {"iters": 1, "patch_size": 32, "batch_size": 1},
]
SIZES = [(3, 16)] * 2 + [(2, 24)] * 3 + [(1, 32)] * 3  # of eight iterations


@pytest.fixture
def growing(settings):
    """Settings of a tiny run with a schedule and a checkpoint after every iteration."""
    train = settings["dataset"]["train"]
    del train["batch_size"], train["img_options"]["patch_size"]
    train["progressive"] = PHASES
    settings["total_iters"] = 8
    settings["snapshot_config"] = {"interval": 1, "keep": 10}
    return settings


def watched(trainer):
    """The trainer, and a list that records (batch, patch) of every iteration."""
    seen, setup_input = [], trainer.model.setup_input

    def watch(batch):
        count, _, height, width = batch[0].shape
        assert height == width and batch[0].shape == batch[1].shape
        seen.append((count, height))
        setup_input(batch)

    trainer.model.setup_input = watch
    return trainer, seen


@pytest.mark.parametrize(("workers", "stops"), [(0, (1, 5, 6)), (2, (2, 4))])
def test_sizes_change_at_their_iteration_also_in_a_resumed_run(
    growing, build, weights_of, tmp_path, caplog, monkeypatch, workers, stops
):
    monkeypatch.setattr("ppgan_mpr.engine.data._SAMPLES_BETWEEN_RESTARTS", 5)  # one pass
    growing["ema_decay"] = 0.9
    growing["dataset"]["train"]["num_workers"] = workers
    whole, seen = watched(build(growing))
    whole.train()
    assert seen == SIZES

    # In the middle of a phase, right before the next, and where fewer samples of the epoch are left
    # than a batch of the first phase has.
    for iteration in stops:
        growing["output_dir"] = str(tmp_path / f"resumed{iteration}")
        resumed, seen = watched(build(growing))
        resumed.resume(Path(whole.output_dir) / f"iter_{iteration}_checkpoint.pdparams")
        resumed.train()
        assert seen == SIZES[iteration:]
        expected, got = weights_of(whole), weights_of(resumed)
        assert all(np.array_equal(got[name], expected[name]) for name in expected)
        assert resumed.model.losses == whole.model.losses
    assert "results will differ" not in caplog.text


def test_the_log_reports_changes_of_the_patch_size(growing, build, caplog):
    caplog.set_level("INFO")
    build(growing).train()
    messages = caplog.messages
    (plan,) = (message for message in messages if "Progressive" in message)
    assert "from iteration 3 24x24 pixels in batches of 2, from iteration 6 32x32" in plan
    assert [message for message in messages if message.startswith("From iteration")] == [
        "From iteration 3 on: 24x24 pixels in batches of 2",
        "From iteration 6 on: 32x32 pixels in batches of 1",
    ]


def test_processes_divide_the_batch_of_every_step(pairs):
    from ppgan_mpr.datasets import MPRTrain

    def run(batch_factor, rank, world_size):
        phases = [{**phase, "batch_size": phase["batch_size"] * batch_factor} for phase in PHASES]
        schedule = Progressive(phases)
        settings = {"batch_size": phases[0]["batch_size"]}
        dataset = MPRTrain(pairs / "train", {"patch_size": 16})
        data = TrainingData(dataset, settings, 7, rank, world_size, schedule)
        batches = []
        for _ in range(8):
            batch = data.next_batch()
            batches.append([patch.numpy().tobytes() for patch in batch[0]])
            data.advance()
        return batches

    one = run(2, 0, 1)
    shares = [run(1, rank, 2) for rank in range(2)]
    assert [len(batch) for batch in one] == [2 * batch for batch, _ in SIZES]
    assert [sorted(chain(*step)) for step in zip(*shares)] == [sorted(batch) for batch in one]


def test_epoch_in_the_log_follows_from_the_samples_seen(growing, build, monkeypatch):
    trainer = build(growing)
    epochs = []
    log = trainer.log
    trainer.log = lambda rate, epoch: (epochs.append(epoch), log(rate, epoch))
    trainer.train()
    # There are five pictures, and the batches have 3, 3, 2, 2, 2, 1, 1 and 1.
    assert epochs == [1, 1, 2, 2, 3, 3, 3, 3]


def test_a_schedule_can_be_shortened_from_the_command_line(growing, tmp_path):
    import yaml

    path = tmp_path / "grow.yaml"
    path.write_text(yaml.safe_dump(growing))
    cfg = load_config(path, ["dataset.train.progressive.1.iters=7"])
    schedule = Progressive.take_from(cfg.dataset.train)
    assert [schedule.at(n).patch_size for n in (1, 2, 3, 9, 10, 99)] == [16, 16, 24, 24, 32, 32]
    assert cfg.dataset.train.batch_size == 3
    assert cfg.dataset.train.img_options["patch_size"] == 16
    with pytest.raises(UsageError, match="there is no option 'iter': did you mean iters"):
        load_config(path, ["dataset.train.progressive.1.iter=7"])


TOTALS = [
    {"iters": 2, "patch_size": 16, "batch_size": 2, "total_batch_size": 4},
    {"iters": 2, "patch_size": 24, "batch_size": 1, "total_batch_size": 2},
]


@pytest.mark.parametrize(
    ("world_size", "shares"), [(1, [(4, 2), (2, 2)]), (2, [(2, 1), (1, 1)]), (4, None)]
)
def test_total_batches_are_shared_and_sliced(world_size, shares):
    if shares is None:
        with pytest.raises(UsageError, match=r"1\.total_batch_size is 2, which 4 processes"):
            Progressive(TOTALS, world_size)
        return
    phases = Progressive(TOTALS, world_size).phases
    assert [(phase.batch_size, phase.accumulate) for phase in phases] == shares


def test_slices_of_a_step_give_the_update_of_its_whole_batch(growing, build, weights_of):
    growing["total_iters"] = 4
    results = []
    for phases in (
        TOTALS,
        [{**phase, "batch_size": phase["total_batch_size"]} for phase in TOTALS],
    ):
        growing["dataset"]["train"]["progressive"] = [dict(phase) for phase in phases]
        trainer, seen = watched(build(growing))
        trainer.train()
        assert seen == [(4, 16)] * 2 + [(2, 24)] * 2
        results.append(weights_of(trainer))
    for name, value in results[0].items():
        np.testing.assert_allclose(results[1][name], value, atol=2e-4)


def test_slices_are_logged_and_cannot_be_combined_with_accumulate(growing, build):
    growing["dataset"]["train"]["progressive"] = TOTALS
    assert "batches of 4, 2 slices each" in str(Progressive(TOTALS))
    growing["accumulate"] = 2
    with pytest.raises(UsageError, match="total_batch_size determines accumulate"):
        build(growing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 4}, "leave batch_size out of dataset.train"),
        ({"img_options": {"patch_size": 8}}, "leave patch_size out of img_options"),
        ({"progressive": []}, "give a list of phases"),
        ({"progressive": [{"iters": 2, "patch_size": 16}]}, r"progressive\.0 must have exactly"),
        ({"progressive": [PHASES[0], {**PHASES[1], "iters": 0}]}, r"1\.iters is 0"),
        ({"progressive": [{**PHASES[0], "patch_size": 20}]}, "multiple of 8"),
    ],
)
def test_mistake_in_the_schedule_is_an_error(growing, build, change, message):
    growing["dataset"]["train"].update(change)
    with pytest.raises(UsageError, match=message):
        build(growing)


def test_null_cancels_the_sizes_of_a_base(growing, build, tmp_path):
    phases = growing["dataset"]["train"].pop("progressive")
    growing["dataset"]["train"].update(batch_size=4, img_options={"patch_size": 8})
    base = tmp_path / "base.yaml"
    base.write_text(yaml.safe_dump(growing))
    dropped = {"batch_size": None, "img_options": {"patch_size": None}, "progressive": phases}
    heir = {"_base_": str(base), "dataset": {"train": dropped}}
    trainer, seen = watched(build(heir))
    trainer.train()
    assert seen == SIZES
    del dropped["batch_size"]
    with pytest.raises(UsageError, match="or set batch_size: null there if a _base_ file sets it"):
        build(heir)


def test_schedule_with_epochs_is_an_error(growing, build):
    del growing["total_iters"]
    growing["epochs"] = 2
    with pytest.raises(UsageError, match="give total_iters instead of epochs"):
        build(growing)


def test_patches_of_a_repeated_data_set_grow_too(growing, build):
    inner = growing["dataset"]["train"]
    outer = {"name": "RepeatDataset", "times": 2, "progressive": inner.pop("progressive")}
    growing["dataset"]["train"] = {**outer, "dataset": inner}
    trainer, seen = watched(build(growing))
    trainer.train()
    assert seen == SIZES


def test_scoring_needs_no_training_section(growing, build):
    del growing["dataset"]["train"]
    build(growing, is_train=False).score()
