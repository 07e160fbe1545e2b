"""Validation by metrics of other packages, which have no protocol."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine import processes
from ppgan_mpr.engine.metrics import SharedMetric
from ppgan_mpr.errors import UsageError
from ppgan_mpr.ppgan_compat import registry_table


class MeanAbsoluteError:
    """A metric with the interface of PaddleGAN's LPIPS and FID."""

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


def test_all_measures_of_a_protocol_are_logged(settings, build, caplog):
    settings["validate"]["metrics"]["psnr"]["protocol"] = "dpdd"
    caplog.set_level("INFO")
    build(settings, is_train=False).score()
    (line,) = [m for m in caplog.messages if m.startswith("evaluation: ")]
    assert re.fullmatch(
        r"evaluation: PSNR [\d.]+ dB  SSIM [\d.]+  MAE 0\.\d+  \(3 pictures, protocol dpdd\)", line
    )


def test_validation_works_without_any_protocol(settings, build, monkeypatch, caplog):
    monkeypatch.setitem(registry_table("METRICS"), "MeanAbsoluteError", MeanAbsoluteError)
    settings["validate"]["metrics"] = {"mae": {"name": "MeanAbsoluteError"}}
    caplog.set_level("INFO")
    build(settings, is_train=False).score()
    assert "evaluation: mae" in caplog.text


WORKER = """
import json, sys
import numpy as np, paddle
from ppgan_mpr import plugin
from ppgan_mpr.engine import processes
from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.scoring import Scorer
from ppgan_mpr.ppgan_compat import import_ppgan, registry_table

class Difference:  # a sum and a count
    def __init__(self):
        self.reset()
    def reset(self):
        self.total, self.count = 0.0, 0
    def update(self, preds, gts):
        for pred, target in zip(preds, gts):
            self.total, self.count = self.total + np.mean(pred * 1.0 - target), self.count + 1
    def accumulate(self):
        return self.total / self.count

lpips = import_ppgan("ppgan.metrics.lpips").LPIPSMetric
class StubLPIPS(lpips):  # without the weights that it downloads
    def __init__(self):
        self.mean = self.std = [0.5, 0.5, 0.5]
        self.loss_fn = lambda pred, target: (pred - target).abs().mean()
        self.reset()

class StubFID(import_ppgan("ppgan.metrics.fid").FID):
    def __init__(self):
        self.batch_size, self.use_GPU, self.dims = 1, False, 2
        self.model = lambda x: [paddle.stack([x.mean([1, 2, 3]), x.std([1, 2, 3])], 1)]
        self.reset()

for metric in (Difference, StubLPIPS, StubFID):
    registry_table("METRICS")[metric.__name__] = metric
paddle.set_device("cpu")
cfg = load_config(sys.argv[1])
scorer = Scorer(cfg)
scorer.output_dir = sys.argv[2]
scorer.model.restore = lambda batch, padding: (batch[1], batch[1], batch[0])
values = {}
class Handler(__import__("logging").Handler):
    def emit(self, record):
        if "no protocol" in record.msg:
            values[record.args[1]] = record.args[2]
import logging
logging.getLogger("ppgan_mpr").setLevel("INFO")
logging.getLogger("ppgan_mpr").addHandler(Handler())
for _ in range(2):  # each begins anew
    scorer.score()
if processes.is_first():
    open(sys.argv[2] + "/values.json", "w").write(json.dumps(values))
"""


def test_metrics_without_a_protocol_do_not_depend_on_the_processes(settings, tmp_path, root):
    """Three pictures: one of two processes has two of them."""
    import yaml

    names = ("Difference", "StubLPIPS", "StubFID")
    settings["validate"]["metrics"] = {name: {"name": name} for name in names}
    settings["dataset"]["test"]["batch_size"] = 1
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    script = tmp_path / "worker.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(root)!r})\n" + WORKER)
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node=2", "--backend=gloo"]
    results = []
    for start in ([], [*launch, f"--log_dir={tmp_path / 'log'}"]):
        out = tmp_path / f"out{len(results)}"
        out.mkdir()
        command = [sys.executable, *start, script, tmp_path / "run.yaml", out]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        results.append(json.loads((out / "values.json").read_text()))
    assert set(results[0]) == set(names)
    assert results[1] == pytest.approx(results[0], rel=1e-6)
    assert abs(results[0]["Difference"]) < 5 < 255 * results[0]["StubLPIPS"] / 2 < 30


def test_metric_that_several_processes_cannot_share_is_refused(settings, build, monkeypatch):
    class Opaque:
        def reset(self):
            self.seen = {}

    monkeypatch.setitem(registry_table("METRICS"), "Opaque", Opaque)
    settings["validate"]["metrics"] = {"opaque": {"name": "Opaque"}}
    build(settings, is_train=False)  # a single process can compute it
    with pytest.raises(UsageError, match="several processes cannot compute it"):
        monkeypatch.setattr(processes, "count", lambda: 2)
        SharedMetric("opaque", Opaque())
