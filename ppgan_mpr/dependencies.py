"""Heavy and optional packages, imported when first needed and named when missing."""

from __future__ import annotations

import importlib
import os
import warnings
from types import ModuleType

from .errors import MissingDependencyError

# module -> (what it is for, the command that installs it)
_INSTALL = {
    "paddle": (
        "PaddlePaddle runs the network",
        "pip install 'ppgan_mpr[cpu]'  (on an NVIDIA GPU: pip install 'ppgan_mpr[gpu]')",
    ),
    "pillow_heif": ("pillow-heif reads HEIC photos", "pip install 'ppgan_mpr[heif]'"),
}


def require(module: str) -> ModuleType:
    """Import ``module`` or say in one sentence how to install it.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    if module == "paddle":
        _prepare_paddle()
    try:
        with warnings.catch_warnings():
            # Paddle warns about a missing compiler cache that only extension builders need.
            warnings.filterwarnings("ignore", message="No ccache found")
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        purpose, command = _INSTALL[module]
        raise MissingDependencyError(
            f"{purpose}, but it is not installed: run  {command}"
        ) from None


def cpu_count() -> int:
    """Number of CPU cores this process may use (affinity, not the machine's total)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _prepare_paddle() -> None:
    # Paddle reads this once, at import, and computes on a single core when it is unset.
    os.environ.setdefault("OMP_NUM_THREADS", str(cpu_count()))
