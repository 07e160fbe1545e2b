"""Heavy and optional packages, imported when first needed and named when missing."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
import zlib  # noqa: F401 - before Paddle: 2.6's library exports a zlib that crashes Python's
from types import ModuleType

from .errors import MissingDependencyError

# module -> (what it is for, the command that installs it)
_INSTALL = {
    "paddle": (
        "PaddlePaddle runs the network",
        "pip install 'ppgan_mpr[cpu]'  (on an NVIDIA GPU: pip install 'ppgan_mpr[gpu]')",
    ),
    "openvino": ("OpenVINO runs the network on a CPU", "pip install 'ppgan_mpr[cpu]'"),
    "onnx": ("onnx exports the network", "pip install 'ppgan_mpr[cpu]'"),
    "onnxruntime": (
        "ONNX Runtime runs the exported network",
        "pip install 'ppgan_mpr[onnxruntime]'",
    ),
    "pillow_heif": ("pillow-heif reads HEIC photos", "pip install 'ppgan_mpr[heif]'"),
}


def require(module: str) -> ModuleType:
    """Import ``module`` or say in one sentence how to install it.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    # Asked before the import, because Paddle sets the variable itself.
    set_threads = (
        module == "paddle" and module not in sys.modules and "OMP_NUM_THREADS" not in os.environ
    )
    if module == "paddle":  # its C++ log warns at every export of what no user could mend
        os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        with warnings.catch_warnings():
            # Paddle warns about a missing compiler cache that only extension builders need.
            warnings.filterwarnings("ignore", message="No ccache found")
            imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        purpose, command = _INSTALL[module]
        raise MissingDependencyError(
            f"{purpose}, but it is not installed: run  {command}"
        ) from None
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} is installed but cannot be loaded ({error}): install it again."
        ) from error
    if set_threads:
        # Paddle computes on a single core unless told otherwise. The environment variable
        # would do as well, but makes Paddle print a warning at every start.
        imported.base.core.set_num_threads(cpu_count())
    return imported


def cpu_count() -> int:
    """Number of CPU cores this process may use (its affinity, not the machine's total)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
