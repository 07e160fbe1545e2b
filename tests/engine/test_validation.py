"""Metrics of other packages, which state no protocol, in a validation of our trainer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.ppgan_compat import registry_table


class MeanAbsoluteError:
    """A metric with PaddleGAN's interface, as its LPIPS and FID have."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.errors = []

    def update(self, preds, gts):
        for pred, target in zip(preds, gts):
            assert pred.dtype == target.dtype == np.uint8 and pred.shape[2] == 3
            self.errors.append(np.abs(pred.astype(float) - target).mean())

    def accumulate(self):
        return np.mean(self.errors)


def test_metric_without_a_protocol_is_computed_and_marked(settings, build, monkeypatch, caplog):
    monkeypatch.setitem(registry_table("METRICS"), "MeanAbsoluteError", MeanAbsoluteError)
    settings["validate"]["metrics"]["mae"] = {"name": "MeanAbsoluteError"}
    caplog.set_level("INFO")
    scorer = build(settings, is_train=False)
    scorer.model.restore = lambda batch, padding: (batch[1], batch[0] * 0.5, batch[0])
    for _ in range(2):  # each run begins anew
        scorer.score()
    values = [m for m in caplog.messages if m.startswith("evaluation: mae ")]
    assert len(values) == 2 and values[0] == values[1]
    assert values[0].endswith("(no protocol)")
    assert 20 < float(values[0].split()[2]) < 100  # half of pictures around 127


def test_validation_needs_no_metric_with_a_protocol(settings, build, monkeypatch, caplog):
    monkeypatch.setitem(registry_table("METRICS"), "MeanAbsoluteError", MeanAbsoluteError)
    settings["validate"]["metrics"] = {"mae": {"name": "MeanAbsoluteError"}}
    caplog.set_level("INFO")
    build(settings, is_train=False).score()
    assert "evaluation: mae" in caplog.text
