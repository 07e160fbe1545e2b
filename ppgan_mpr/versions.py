"""Versions of this package and of what computes for it."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

from .version import __version__

_COMPUTES = {
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}


def versions(*modules: str) -> dict[str, str]:
    """Package → version: this one, Python, NumPy, and what provides the given modules."""
    found = {"ppgan_mpr": __version__, "python": platform.python_version()}
    for package in ("numpy", *(name for m in modules for name in _COMPUTES.get(m, (m,)))):
        version = installed_version(package)
        if version is not None:
            found[package] = version
    return found


@functools.lru_cache(maxsize=64)
def installed_version(package: str) -> str | None:
    """Version of an installed package, found without importing it; None if it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
