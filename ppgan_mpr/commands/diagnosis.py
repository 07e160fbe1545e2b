"""Finds faults of an installation and says how to fix them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..dependencies import install_command, install_extra
from ..versions import OPENCV
from .installation import REQUIRED, TRAINING, Facts


@dataclass(frozen=True)
class Finding:
    """A fault of the installation, or a note about it.

    Attributes:
        text: one line that says what is wrong and what to do about it.
        fault: whether it affects restoring; False for a note.
    """

    text: str
    fault: bool = True


def diagnose(facts: Facts) -> list[Finding]:
    """List the faults of an installation, then the notes about it."""
    findings = [
        *_paddle_findings(facts),
        *_package_findings(facts),
        *_trial_findings(facts),
        *_cache_findings(facts),
        *_thread_findings(facts),
        *_training_findings(facts),
    ]
    return sorted(findings, key=lambda finding: not finding.fault)


def _paddle_findings(facts: Facts) -> list[Finding]:
    installed = facts.installed("paddle")
    if not installed:
        command = install_command("paddle")
        return [Finding(f"PaddlePaddle, which runs the networks, is not installed: run  {command}")]
    if len(installed) > 1:
        return [_several(installed, install_command("paddle"))]
    package = installed[0]
    paddle, numpy = facts.packages[package], facts.packages.get("numpy")
    if _major(paddle) == 2 and _major(numpy) >= 2:
        return [
            Finding(
                f"PaddlePaddle {paddle} does not support numpy {numpy}: run  pip install 'numpy<2'"
                f"  or  pip install '{package}>=3'"
            )
        ]
    if "paddle" in facts.broken:
        return [Finding(_broken(facts, "paddle"))]
    if facts.cuda and not facts.gpus:
        text = "PaddlePaddle is built for GPUs but sees none: check the NVIDIA driver (nvidia-smi)."
        return [Finding(text, fault=False)]
    return []


def _package_findings(facts: Facts) -> list[Finding]:
    findings = []
    keep = {"cv2": OPENCV[0], "onnxruntime": "<the one to keep>"}
    for module, package in keep.items():
        installed = facts.installed(module)
        if len(installed) > 1:
            findings.append(_several(installed, f"pip install {package}"))
    for module, names in REQUIRED.items():
        if not facts.installed(module):
            findings.append(Finding(f"{names[0]} is not installed: run  pip install {names[0]}"))
    for module in facts.broken:
        if module not in TRAINING and module != "paddle":
            findings.append(Finding(_broken(facts, module)))
    return findings


def _several(installed: Sequence[str], install: str) -> Finding:
    """The finding that packages are installed together although they exclude each other."""
    return Finding(
        f"{' and '.join(installed)} are installed together and overwrite each other: run  pip "
        f"uninstall {' '.join(installed)}  and then  {install}"
    )


def _trial_findings(facts: Facts) -> list[Finding]:
    warnings = [Finding(warning) for warning in facts.trial.warnings]
    # Without a working PaddlePaddle, another finding explains the failure already.
    if facts.trial.error and facts.installed("paddle") and "paddle" not in facts.broken:
        warnings.append(
            Finding(f"A small picture could not be restored: {facts.trial.error.rstrip('.')}.")
        )
    return warnings


def _cache_findings(facts: Facts) -> list[Finding]:
    findings = []
    if facts.cache.error:
        findings.append(
            Finding(
                f"The cache folder cannot be written ({facts.cache.error}): set PPGAN_MPR_HOME to "
                "a folder that can be written."
                if facts.cache.folder
                else facts.cache.error
            )
        )
    for file in facts.weights:
        if file.embedded and file.state in ("damaged", "missing"):
            findings.append(
                Finding(
                    f"The embedded weights {file.name} are {file.state}: install ppgan_mpr again."
                )
            )
        elif file.state == "damaged":
            findings.append(
                Finding(
                    f"The downloaded weights {file.name} are damaged: delete {file.path}, and they "
                    "will be downloaded again."
                )
            )
    return findings


def _thread_findings(facts: Facts) -> list[Finding]:
    if facts.variables.get("OMP_NUM_THREADS") != "1" or facts.cores == 1:
        return []
    return [
        Finding(
            f"OMP_NUM_THREADS is 1, so PaddlePaddle uses only one of {facts.cores} cores: unset it."
        )
    ]


def _training_findings(facts: Facts) -> list[Finding]:
    missing = [module for module in ("ppgan", "yaml") if not facts.installed(module)]
    commands = ["mprnet-install-ppgan"] if "ppgan" in missing else []
    commands += [install_extra("train")] if "yaml" in missing else []
    notes = []
    if commands:
        text = f"Training needs more than restoring: run  {'  and  '.join(commands)}"
        notes.append(Finding(text, fault=False))
    if "paddle" not in facts.broken and facts.installed("paddle"):
        notes += [
            Finding(f"For training: {_broken(facts, module)}", fault=False)
            for module in facts.broken
            if module in TRAINING
        ]
    return notes


def _broken(facts: Facts, module: str) -> str:
    name = (facts.installed(module) or [module])[0]
    reason = facts.broken[module].rstrip(".")
    return (
        f"{name} is installed but cannot be loaded ({reason}): run  pip install --force-reinstall "
        f"--no-deps {name}"
    )


def _major(version: str | None) -> int:
    first = (version or "").partition(".")[0]
    return int(first) if first.isdigit() else 0
