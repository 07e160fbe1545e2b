"""Settings that only a GPU needs, tested with a simulated GPU."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine import gpu  # noqa: E402

SEARCH, DETERMINISTIC = "FLAGS_cudnn_exhaustive_search", "FLAGS_cudnn_deterministic"


@pytest.fixture
def flags(monkeypatch):
    """Paddle's flags on a simulated machine with a GPU."""
    values = {SEARCH: False, DETERMINISTIC: False}

    def get_flags(names):
        names = [names] if isinstance(names, str) else names
        return {name: values.get(name, False) for name in names}

    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    monkeypatch.setattr(paddle, "get_flags", get_flags)
    monkeypatch.setattr(paddle, "set_flags", values.update)
    return values


def test_cudnn_searches_only_inside_the_block(flags):
    with gpu.convolution_search():
        assert flags[SEARCH]
    assert not flags[SEARCH]
    with pytest.raises(RuntimeError), gpu.convolution_search():
        raise RuntimeError
    assert not flags[SEARCH]


def test_cudnn_does_not_search_if_it_must_be_deterministic(flags):
    flags[DETERMINISTIC] = True
    with gpu.convolution_search():
        assert not flags[SEARCH]


def test_cudnn_searches_during_updates_but_not_during_validation(
    flags, settings, build, monkeypatch
):
    settings["total_iters"] = settings["validate"]["interval"] = 2
    searched = {"update": [], "validation": []}
    with monkeypatch.context() as on_a_cpu:
        on_a_cpu.setattr(paddle, "get_device", lambda: "cpu")
        trainer = build(settings)
    step, restore = trainer.model.step, trainer.model.restore

    def update(*arguments):
        searched["update"].append(flags[SEARCH])
        return step.measured(*arguments)

    def restoring(*arguments):
        searched["validation"].append(flags[SEARCH])
        return restore(*arguments)

    step.measured = step.__call__
    monkeypatch.setattr(type(step), "__call__", lambda self, *given: update(*given))
    monkeypatch.setattr(gpu, "peak_memory", lambda: None)
    trainer.model.restore = restoring
    trainer.train()
    assert searched["update"] == [True, True]
    assert searched["validation"] and not any(searched["validation"])


def test_log_and_curves_show_the_memory_of_a_gpu(settings, build, monkeypatch, caplog):
    monkeypatch.setattr(gpu, "peak_memory", lambda: 12.34)
    caplog.set_level("INFO")
    settings["total_iters"] = 2
    trainer = build(settings)
    trainer.train()
    assert "GPU memory 12.3 GB" in caplog.text
    with (Path(trainer.output_dir) / "curves" / "train.csv").open(newline="") as file:
        first, _ = csv.DictReader(file)
    assert float(first["gpu_gb"]) == 12.34


def test_log_on_a_cpu_does_not_mention_a_gpu(settings, build, caplog):
    caplog.set_level("INFO")
    settings["total_iters"] = 2
    build(settings).train()
    assert "iter 2/2" in caplog.text
    assert "GPU memory" not in caplog.text
