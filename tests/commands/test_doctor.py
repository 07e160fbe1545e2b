from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from ppgan_mpr.commands.diagnosis import diagnose
from ppgan_mpr.commands.doctor import main, render_json, render_text
from ppgan_mpr.commands.installation import (
    CacheFolder,
    Facts,
    Trial,
    WeightsFile,
    collect,
)
from ppgan_mpr.commands.probes import ProbeError, run_probe
from ppgan_mpr.inference.options import BACKENDS, PRECISIONS

_PACKAGES = {
    "numpy": "2.1.0", "pillow": "11.0", "opencv-python-headless": "4.10", "pooch": "1.8",
    "safetensors": "0.5", "tqdm": "4.67", "paddlepaddle": "3.1.0", "openvino": "2025.1",
    "onnx": "1.17", "ppgan": "2.1.0", "PyYAML": "6.0",
}  # fmt: skip
_HEALTHY = Facts(
    version="0.1.0",
    python="3.12.1 (CPython)",
    prefix="/opt/venv",
    system="Linux",
    machine="x86_64",
    packages=_PACKAGES,
    processor="A processor",
    cores=4,
    cuda=False,
    trial=Trial("openvino", "cpu", "bf16"),
    cache=CacheFolder("/cache", 10, 20),
    weights=(WeightsFile("lite:X", "verified", "/package/x", embedded=True),),
)


def with_packages(**changes: str | None) -> Facts:
    changed = {name.replace("_", "-"): version for name, version in changes.items()}
    return dataclasses.replace(_HEALTHY, packages={**_PACKAGES, **changed})


def with_facts(**changes: object) -> Facts:
    return dataclasses.replace(_HEALTHY, **changes)


_SLOW = "PaddlePaddle computes, which is slow on a CPU: no faster backend is installed."
_ELSEWHERE = WeightsFile("published:X", "damaged", "/cache/weights/x", embedded=False)
_EMBEDDED = WeightsFile("lite:X", "damaged", "/package/x", embedded=True)
FAULTS = {
    "no paddle": (
        with_packages(paddlepaddle=None),
        ("PaddlePaddle", "is not installed", "pip install 'ppgan_mpr[cpu]'"),
    ),
    "broken paddle": (
        with_facts(broken={"paddle": "ImportError: libgomp.so.1"}, trial=Trial(error="no")),
        ("paddlepaddle is installed but cannot be loaded", "libgomp.so.1", "--force-reinstall"),
    ),
    "two paddles": (
        with_packages(paddlepaddle_gpu="3.1.0"),
        ("both installed", "pip uninstall paddlepaddle paddlepaddle-gpu"),
    ),
    "numpy 2 with paddle 2": (
        with_packages(paddlepaddle="2.6.2"),
        ("PaddlePaddle 2.6.2 does not support numpy 2.1.0", "'numpy<2'"),
    ),
    "no fast backend": (
        with_facts(trial=Trial("paddle", "cpu", "f32", warnings=(_SLOW,))),
        ("slow on a CPU",),
    ),
    "restoring fails": (with_facts(trial=Trial(error="it broke")), ("it broke",)),
    "several OpenCVs": (
        with_packages(opencv_python="4.10"),
        ("Several OpenCV packages", "pip uninstall opencv-python-headless opencv-python"),
    ),
    "requirement missing": (with_packages(pooch=None), ("pip install pooch",)),
    "broken OpenVINO": (
        with_facts(broken={"openvino": "it crashes Python (SIGILL)"}),
        ("openvino is installed but cannot be loaded", "SIGILL"),
    ),
    "read-only cache": (
        with_facts(cache=CacheFolder("/cache", error="/cache: Read-only file system")),
        ("cannot be written", "Read-only file system", "PPGAN_MPR_HOME"),
    ),
    "damaged download": (with_facts(weights=(_ELSEWHERE,)), ("delete /cache/weights/x",)),
    "damaged embedded weights": (with_facts(weights=(_EMBEDDED,)), ("install ppgan_mpr again",)),
    "one thread": (
        with_facts(variables={"OMP_NUM_THREADS": "1"}),
        ("OMP_NUM_THREADS is 1", "one of 4 cores", "unset"),
    ),
}


@pytest.mark.parametrize(("facts", "words"), FAULTS.values(), ids=FAULTS)
def test_fault_is_one_line_with_its_remedy(facts, words):
    (finding,) = diagnose(facts)
    assert finding.fault
    assert len(finding.text.splitlines()) == 1
    for word in words:
        assert word in finding.text
    assert render_text(facts, [finding]).endswith("1 fault found.")


def test_healthy_installation_has_no_findings():
    assert diagnose(_HEALTHY) == []
    report = render_text(_HEALTHY, [])
    assert report.splitlines()[-1] == "Everything that restoring needs is here."


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (with_packages(ppgan=None), "mprnet-install-ppgan"),
        (with_packages(PyYAML=None), "pip install 'ppgan_mpr[train]'"),
        (with_facts(broken={"ppgan": "ImportError: no"}), "For training: ppgan"),
        (with_facts(cuda=True), "nvidia-smi"),
    ],
    ids=["no ppgan", "no yaml", "broken ppgan", "no GPU"],
)
def test_what_restoring_can_do_without_is_a_note(facts, words):
    (note,) = diagnose(facts)
    assert not note.fault
    assert words in note.text
    report = render_text(facts, [note])
    assert note.text in report
    assert report.endswith("Everything that restoring needs is here.")


def test_home_folder_is_not_in_the_report(monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane")
    monkeypatch.setenv("USERPROFILE", "/home/jane")
    cache = CacheFolder("/home/jane/.cache/ppgan_mpr", error="/home/jane: full")
    facts = with_facts(prefix="/home/jane/venv", cache=cache, broken={"cv2": "/home/jane/x.so"})
    findings = diagnose(facts)
    for report in (render_text(facts, findings), render_json(facts, findings)):
        assert "jane" not in report
        assert "~/.cache/ppgan_mpr" in report


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('libfoo.so is missing')", "OSError: libfoo.so is missing"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os; os._exit(0)", "it ends Python"),
        ("import time; time.sleep(600)", "no result within 1 seconds"),
    ],
    ids=["exception", "crash", "exit", "hang"],
)
def test_library_that_cannot_be_imported_is_reported(source, reason, tmp_path, monkeypatch):
    (tmp_path / "harmful.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ProbeError, match=reason):
        run_probe("harmful", limit=1 if "sleep" in source else 60)


def test_crash_of_paddle_leaves_a_report(tmp_path, root):
    """The command itself, with a PaddlePaddle that takes Python down."""
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


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> Facts:
    """Facts of this very environment, with an empty cache and one damaged download."""
    from ppgan_mpr.networks import weights_records
    from ppgan_mpr.weights.download import cached_path

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPGAN_MPR_HOME", str(tmp_path_factory.mktemp("home")))
        known = next(record for record in weights_records() if record.url and record.git_blob)
        unknown = next(
            record
            for record in weights_records()
            if record.url and not (record.git_blob or record.sha256)
        )
        for record in (known, unknown):
            cached_path(record).parent.mkdir(exist_ok=True)
            cached_path(record).write_bytes(b"not weights")
        found = collect()
    states = {file.name: file.state for file in found.weights}
    assert states[known.name] == "damaged"
    assert states[unknown.name] == "no digest published"
    return found


def test_this_environment_restores(facts):
    pytest.importorskip("paddle")
    assert facts.trial.error is None
    assert facts.trial.backend in BACKENDS
    assert facts.trial.precision in PRECISIONS
    assert "paddle" not in facts.broken
    assert facts.unknown == ()


def test_embedded_weights_are_verified(facts):
    embedded = [file for file in facts.weights if file.embedded]
    assert embedded
    assert {file.state for file in embedded} == {"verified"}


def test_cache_is_measured(facts):
    assert facts.cache.error is None
    assert facts.cache.weights_bytes == 2 * len(b"not weights")
    assert facts.cache.networks_bytes == 0  # the trial uses a cache of its own


def test_facts_survive_json(facts):
    report = json.loads(render_json(facts, diagnose(facts)))
    assert report["packages"]["numpy"] == facts.packages["numpy"]
    assert report["trial"]["backend"] == facts.trial.backend


def test_cache_below_a_file_cannot_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "file"))
    assert main([]) == 1
    assert "The cache folder cannot be written" in capsys.readouterr().out
