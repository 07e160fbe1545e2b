"""Faults of an installation, each reported in one line with its remedy."""

from __future__ import annotations

import pytest
from installation_samples import HEALTHY, with_facts, with_packages

from ppgan_mpr.commands.diagnosis import diagnose
from ppgan_mpr.commands.doctor import render_text
from ppgan_mpr.commands.installation import (
    CacheFolder,
    Trial,
    WeightsFile,
)

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
        ("are installed together", "pip uninstall paddlepaddle paddlepaddle-gpu"),
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
        ("are installed together", "pip uninstall opencv-python-headless opencv-python"),
    ),
    "two ONNX Runtimes": (
        with_packages(onnxruntime="1.23", onnxruntime_gpu="1.23"),
        ("onnxruntime and onnxruntime-gpu are installed together", "the one to keep"),
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
    assert diagnose(HEALTHY) == []
    report = render_text(HEALTHY, [])
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
def test_finding_that_does_not_affect_restoring_is_a_note(facts, words):
    (note,) = diagnose(facts)
    assert not note.fault
    assert words in note.text
    report = render_text(facts, [note])
    assert note.text in report
    assert report.endswith("Everything that restoring needs is here.")
