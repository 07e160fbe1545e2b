from __future__ import annotations

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.step import DivergedError  # noqa: E402
from ppgan_mpr.errors import UsageError, WeightsError  # noqa: E402
from ppgan_mpr.weights import load_weights  # noqa: E402


@pytest.fixture
def log(caplog):
    """All log messages from level INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


def test_log_shows_loss_of_each_stage_learning_rate_and_time_left(
    settings, build, log, three_stages
):
    settings["model"]["generator"] = three_stages
    settings["total_iters"] = 2
    build(settings).train()
    first = next(message for message in log.messages if "iter 1/2" in message)
    for wanted in ("loss 0.", "stage1 0.", "stage2 0.", "stage3 0.", "lr 5.000e-04", "eta 0:00"):
        assert wanted in first


def test_iteration_waits_for_the_device_once(settings, build, monkeypatch):
    """Every copy to the host waits until the device has finished its work."""
    settings.update(ema_decay=0.9, clip_grad_norm=0.1, mixup={"alpha": 1.0}, accumulate=2)
    settings["log_config"]["interval"] = 100
    trainer = build(settings)
    copies, before, next_batch = [], [], trainer.data.next_batch

    def counted(name):
        read = getattr(paddle.Tensor, name)

        def count(tensor, *arguments):
            size = len(copies)
            result = read(tensor, *arguments)
            del copies[size:]  # methods that call each other count as one copy
            copies.append(name)
            return result

        monkeypatch.setattr(paddle.Tensor, name, count)

    for name in ("numpy", "item", "tolist", "__array__", "__float__", "__int__", "__bool__"):
        counted(name)
    trainer.data.next_batch = lambda: (before.append(len(copies)), next_batch())[1]
    trainer.train()
    assert len(before) == 6
    assert np.diff(before).tolist() == [1] * 5


def test_averaged_weights_are_evaluated_and_saved(settings, build, weights_of, monkeypatch):
    settings.update(ema_decay=0.9, total_iters=3)
    settings["validate"]["interval"] = 3
    trainer = build(settings)
    evaluated = []
    restore = trainer.model.restore
    trainer.model.restore = lambda *batch: (evaluated.append(weights_of(trainer)), restore(*batch))[
        1
    ]
    trainer.train()

    released = load_weights(Path(trainer.output_dir) / "iter_3_weight.pdparams").tensors
    trained, average = weights_of(trainer), trainer.model.ema.state_dict()
    for name in average:
        np.testing.assert_array_equal(released[name], average[name])
        np.testing.assert_array_equal(evaluated[0][name], average[name])
    assert any(not np.array_equal(trained[name], average[name]) for name in average)

    # The checkpoint contains both; loaded as weights it gives the average.
    checkpoint = Path(trainer.output_dir) / "iter_3_checkpoint.pdparams"
    loaded = load_weights(checkpoint).tensors
    np.testing.assert_array_equal(loaded["ending.weight"], average["ending.weight"])
    assert (
        checkpoint.stat().st_size
        > 3 * (checkpoint.parent / "iter_3_weight.pdparams").stat().st_size
    )


def test_best_checkpoint_has_the_highest_psnr(settings, build, monkeypatch):
    from ppgan_mpr.metrics import ScoreTable

    settings["validate"]["interval"] = 1
    settings["total_iters"] = 3
    settings["snapshot_config"] = {"interval": 1}
    means = iter([20.0, 30.0, 25.0])
    trainer = build(settings)
    current = {}
    run = trainer.validate

    def test():
        current["psnr"] = next(means)
        return run()

    monkeypatch.setattr(ScoreTable, "mean", lambda self: {"psnr": current["psnr"], "ssim": 0.5})
    trainer.validate = test
    trainer.train()
    folder = Path(trainer.output_dir)
    best, second = (
        load_weights(folder / f"{name}_weight.pdparams").tensors for name in ("best", "iter_2")
    )
    for name in second:
        np.testing.assert_array_equal(best[name], second[name])

    resumed = build(settings)
    resumed.resume(folder / "best_checkpoint.pdparams")
    assert (resumed.state.iteration, resumed.state.best_psnr) == (2, 30.0)


def test_diverging_run_stops_with_a_usable_checkpoint(settings, build, weights_of):
    settings["total_iters"] = 100
    trainer = build(settings)
    objective = trainer.model.objective

    def break_down(stages, target):
        shares = objective.per_stage(stages, target)
        return [share * float("inf") for share in shares] if trainer.state.iteration > 2 else shares

    trainer.model.objective = type("Broken", (), {"per_stage": staticmethod(break_down)})
    with pytest.raises(DivergedError, match=r"iter_23_checkpoint\.pdparams"):
        trainer.train()
    healthy = weights_of(trainer)
    assert all(np.isfinite(value).all() for value in healthy.values())

    resumed = build(settings)
    resumed.resume(Path(trainer.output_dir) / "iter_23_checkpoint.pdparams")
    for name, value in weights_of(resumed).items():
        np.testing.assert_array_equal(value, healthy[name])


def test_epochs_count_passes_over_the_data(settings, build):
    del settings["total_iters"]
    settings["epochs"] = 2
    settings["snapshot_config"] = {"interval": 1}
    trainer = build(settings)
    seen = []
    setup_input = trainer.model.setup_input
    trainer.model.setup_input = lambda batch: (seen.extend(batch[2]), setup_input(batch))[1]
    trainer.train()
    # Five pictures in batches of two: three iterations an epoch.
    assert trainer.total_iters == 6
    assert sorted(seen[:10]) == sorted(2 * [f"{n:02d}" for n in range(5)])
    assert (Path(trainer.output_dir) / "iter_3_weight.pdparams").exists()


def test_seed_decides_weights_and_data(settings, build, weights_of):
    def result(seed):
        settings["seed"] = seed
        settings["total_iters"] = 2
        trainer = build(settings)
        trainer.train()
        return weights_of(trainer)["ending.weight"]

    np.testing.assert_array_equal(result(1), result(1))
    assert not np.array_equal(result(1), result(2))


def test_hostile_checkpoint_runs_no_code(settings, build, tmp_path):
    canary = tmp_path / "canary"

    class Hostile:
        def __reduce__(self):
            return Path.touch, (canary,)

    path = tmp_path / "iter_1_checkpoint.pdparams"
    path.write_bytes(pickle.dumps({"epoch": 1, "generator": Hostile()}, protocol=2))
    with pytest.raises(WeightsError):
        build(settings).resume(path)
    assert not canary.exists()


def test_profile_of_the_chosen_iterations_is_written(settings, build, tmp_path):
    options = f"batch_range=[1, 3]; state=CPU; profile_path={tmp_path / 'trace'}"
    trainer = build(settings, profiler_options=options)
    assert not (tmp_path / "trace").exists()
    trainer.train()
    assert trainer.state.iteration == 3  # exit_on_finished
    assert list((tmp_path / "trace").glob("*.json"))


def test_visualdl_receives_losses_and_previews(settings, build, three_stages):
    pytest.importorskip("visualdl")
    settings["enable_visualdl"] = True
    settings["model"]["generator"] = three_stages
    settings["total_iters"] = 2
    settings["log_config"]["visiual_interval"] = 1
    trainer = build(settings)
    trainer.train()
    trainer.close()
    (record,) = Path(trainer.output_dir).glob("vdlrecords*")
    content = record.read_bytes()
    assert b"train/stage1" in content
    assert b"visual_train/restored" in content


def test_paddlegans_own_trainer_trains_and_scores_the_model(settings, tmp_path, log):
    import yaml

    from ppgan_mpr.engine.config import load_config
    from ppgan_mpr.ppgan_compat import import_ppgan

    paddlegan_trainer = import_ppgan("ppgan.engine.trainer").Trainer
    settings["total_iters"] = 2
    settings["validate"]["interval"] = 2
    settings["dataset"]["test"]["img_options"] = {"patch_size": 16}
    settings["snapshot_config"] = {"interval": 2}
    path = tmp_path / "paddlegan.yaml"
    path.write_text(yaml.safe_dump(settings))
    cfg = load_config(path)
    cfg.is_train, cfg.profiler_options, cfg.min_max = True, None, (0.0, 1.0)
    paddlegan_trainer(cfg).train()
    (score,) = (float(line.rsplit(" ")[-1]) for line in log.messages if "Metric psnr" in line)
    assert score > 5  # 0.0000 with PaddleGAN's MPRModel
    assert load_weights(Path(settings["output_dir"]) / "iter_2_weight.pdparams").tensors


def test_other_models_of_paddlegan_are_an_error(settings, build, monkeypatch):
    from ppgan_mpr.ppgan_compat import registry_table

    class OtherModel:
        nets: dict = {}

        def __init__(self, **_):
            pass

        def setup_metrics(self, _):
            return {}

    monkeypatch.setitem(registry_table("MODELS"), "OtherModel", OtherModel)
    settings["model"] = {"name": "OtherModel"}
    with pytest.raises(UsageError, match="OtherModel, but this Trainer trains MPRModel"):
        build(settings, is_train=False)


def test_accumulation_of_summed_losses_is_an_error(settings, build):
    settings["model"]["char_criterion"]["reduction"] = "sum"
    build(settings)
    settings["accumulate"] = 2
    with pytest.raises(UsageError, match="reduction: mean"):
        build(settings)
