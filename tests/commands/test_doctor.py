"""The report of mprnet-doctor, as text and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

from installation_samples import HEALTHY, with_facts

from ppgan_mpr.commands import installation
from ppgan_mpr.commands.diagnosis import diagnose
from ppgan_mpr.commands.doctor import main, render_json, render_text
from ppgan_mpr.commands.installation import CacheFolder


def test_home_folder_is_not_in_the_report(monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane")
    monkeypatch.setenv("USERPROFILE", "/home/jane")
    cache = CacheFolder("/home/jane/.cache/ppgan_mpr", error="/home/jane: full")
    facts = with_facts(prefix="/home/jane/venv", cache=cache, broken={"cv2": "/home/jane/x.so"})
    findings = diagnose(facts)
    for report in (render_text(facts, findings), render_json(facts, findings)):
        assert "jane" not in report
        assert "~/.cache/ppgan_mpr" in report


def test_crash_of_paddle_leaves_a_report(tmp_path, root):
    """The whole command, with a PaddlePaddle that crashes Python."""
    (tmp_path / "paddle.py").write_text("import os; os.abort()")
    done = subprocess.run(
        [sys.executable, "-m", "ppgan_mpr.commands.doctor", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "", "PPGAN_MPR_HOME": str(tmp_path)},
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert "SIGABRT" in report["broken"]["paddle"]
    assert any("paddlepaddle is installed but" in found["text"] for found in report["findings"])
    assert report["faults"] >= 1


def test_facts_survive_json():
    report = json.loads(render_json(HEALTHY, diagnose(HEALTHY)))
    assert report["packages"]["numpy"] == HEALTHY.packages["numpy"]
    assert report["trial"]["backend"] == HEALTHY.trial.backend


def test_cache_below_a_file_cannot_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "file"))
    # The probes in new processes find no fault.
    found = {"trial": asdict(HEALTHY.trial)}
    monkeypatch.setattr(installation, "run_probe", lambda name, limit: found.get(name, {}))
    assert main([]) == 1
    assert "The cache folder cannot be written" in capsys.readouterr().out
