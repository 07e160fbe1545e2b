from __future__ import annotations

import platform

import numpy as np

import ppgan_mpr
from ppgan_mpr.versions import versions


def test_python_numpy_and_this_package_are_always_named():
    assert versions() == {
        "ppgan_mpr": ppgan_mpr.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def test_module_is_reported_under_its_installed_package():
    opencv = {name for name in versions("cv2") if name.startswith("opencv")}
    assert opencv <= {"opencv-python-headless", "opencv-python", "opencv-contrib-python"}
    assert opencv


def test_missing_package_is_left_out():
    assert versions("no_such_module") == versions()
