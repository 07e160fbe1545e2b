"""Heavy and optional packages: imported when first needed, with a hint where one is missing."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shlex
import sys
import warnings
import zlib  # noqa: F401 - before Paddle: 2.6's library exports a zlib that crashes Python's
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

from .errors import MissingDependencyError

# module -> (what it is for, the extra of this package that holds it)
_OPTIONAL = {
    "paddle": ("PaddlePaddle runs the network", "cpu"),
    "openvino": ("OpenVINO runs the network on a CPU", "cpu"),
    "onnx": ("onnx exports the network", "cpu"),
    "onnxruntime": ("ONNX Runtime runs the exported network", "onnxruntime"),
    "starlette": ("Starlette answers the web page's requests", "web"),
    "python_multipart": ("python-multipart receives uploads", "web"),
    "uvicorn": ("uvicorn serves the web page", "web"),
    "pillow_heif": ("pillow-heif reads HEIC photos", "heif"),
}
_CHECKOUT = Path(__file__).resolve().parent.parent


def require(module: str) -> ModuleType:
    """Import an optional package, or say in one sentence how to install it.

    Args:
        module: name of the package to import, such as ``"paddle"``.

    Raises:
        MissingDependencyError: the package is not installed or cannot be loaded.
    """
    # Asked before the import, because Paddle sets the variable itself.
    set_threads = (
        module == "paddle" and module not in sys.modules and "OMP_NUM_THREADS" not in os.environ
    )
    if module == "paddle":  # its C++ log warns at every export of what no user can change
        os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        with warnings.catch_warnings(), _unchanged_root_logger():
            # Paddle warns about a missing compiler cache that only extension builders need.
            warnings.filterwarnings("ignore", message="No ccache found")
            imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        purpose, _ = _OPTIONAL[module]
        raise MissingDependencyError(
            f"{purpose}, but it is not installed: run  {install_command(module)}"
        ) from None
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} is installed but cannot be loaded ({error}): install it again."
        ) from error
    if set_threads:
        # Paddle computes on a single core by default. The environment variable would do as
        # well, but makes Paddle print a warning at every start.
        imported.base.core.set_num_threads(cpu_count())
    return imported


@contextlib.contextmanager
def _unchanged_root_logger() -> Iterator[None]:
    """Undo what an import does to the root logger.

    Paddle adds a handler, with which a script that then adds its own sees every message twice.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def install_command(module: str) -> str:
    """The command that installs an optional package, for error messages.

    Args:
        module: name of the package to import, such as ``"openvino"``.
    """
    _, extra = _OPTIONAL[module]
    command = install_extra(extra)
    if module == "paddle":
        command += f"  (on an NVIDIA GPU: {install_extra('gpu')})"
    return command


def install_extra(extra: str) -> str:
    """The command that installs an extra of this package, such as ``"cpu"``.

    No package index has ppgan_mpr. Where it is installed, from a wheel or a checkout, pip adds
    an extra to it by its name; a checkout that is run in place is named by its folder.
    """
    # The .egg-info that a build leaves in a checkout is no installation.
    installed = (
        any(
            Path(str(found.locate_file(""))).resolve() != _CHECKOUT
            for found in metadata.distributions(name="ppgan_mpr")
        )
        or not (_CHECKOUT / "pyproject.toml").is_file()
    )
    source = "ppgan_mpr" if installed else str(_CHECKOUT)
    return f"pip install {shlex.quote(f'{source}[{extra}]')}"


def installed_version(package: str) -> str | None:
    """The installed version of a distribution such as ``"opencv-python"``, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cpu_count() -> int:
    """Number of CPU cores this process may use (its affinity, not the machine's total)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
