"""Facts of a healthy installation, as mprnet-doctor collects them, and of changed ones."""

from __future__ import annotations

import dataclasses

from ppgan_mpr.commands.installation import (
    CacheFolder,
    Facts,
    Trial,
    WeightsFile,
)

PACKAGES = {
    "numpy": "2.1.0", "pillow": "11.0", "opencv-python-headless": "4.10", "pooch": "1.8",
    "platformdirs": "4.3", "safetensors": "0.5", "tqdm": "4.67", "paddlepaddle": "3.1.0",
    "openvino": "2025.1", "onnx": "1.17", "ppgan": "2.1.0", "PyYAML": "6.0",
}  # fmt: skip
HEALTHY = Facts(
    version="0.1.0",
    python="3.12.1 (CPython)",
    prefix="/opt/venv",
    system="Linux",
    machine="x86_64",
    packages=PACKAGES,
    processor="A processor",
    cores=4,
    cuda=False,
    trial=Trial("openvino", "cpu", "bf16"),
    cache=CacheFolder("/cache", 10, 20),
    weights=(WeightsFile("lite:X", "verified", "/package/x", embedded=True),),
)


def with_packages(**changes: str | None) -> Facts:
    changed = {name.replace("_", "-"): version for name, version in changes.items()}
    return dataclasses.replace(HEALTHY, packages={**PACKAGES, **changed})


def with_facts(**changes: object) -> Facts:
    return dataclasses.replace(HEALTHY, **changes)
