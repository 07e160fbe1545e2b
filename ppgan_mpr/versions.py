"""Versions of this package and of others, for reports."""

from __future__ import annotations

import platform

from .dependencies import installed_version
from .version import __version__

#: Packages that may provide the module ``cv2``.
OPENCV = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
# module -> the packages that may provide it
_PROVIDERS = {
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "cv2": OPENCV,
}


def versions(*modules: str) -> dict[str, str]:
    """The versions, by name, of this package, Python, NumPy and the given modules' packages.

    Packages that are not installed are left out.
    """
    found = {"ppgan_mpr": __version__, "python": platform.python_version()}
    for package in ("numpy", *(name for m in modules for name in _PROVIDERS.get(m, (m,)))):
        version = installed_version(package)
        if version is not None:
            found[package] = version
    return found
