"""Imports large and optional packages when they are first needed.

The error for a missing package says how to install it. A package's usage statistics are switched
off when it is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.abc
import logging
import os
import shlex
import signal
import sys
import threading
import warnings
import zlib  # noqa: F401 - before Paddle, as Paddle 2.6 exports a zlib that crashes Python's
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from .ending_signals import handled_by
from .errors import MissingDependencyError

# module -> (its purpose, the extra of this package that installs it)
_OPTIONAL = {
    "paddle": ("PaddlePaddle runs the network", "cpu"),
    "openvino": ("OpenVINO runs the network on a CPU", "cpu"),
    "onnx": ("onnx exports the network", "cpu"),
    "onnxruntime": ("ONNX Runtime runs the exported network", "onnxruntime"),
    "starlette": ("Starlette answers the web page's requests", "web"),
    "python_multipart": ("python-multipart receives uploads", "web"),
    "uvicorn": ("uvicorn serves the web page", "web"),
    "pillow_heif": ("pillow-heif reads HEIC photos", "heif"),
    "rawpy": ("rawpy develops cameras' raw files", "raw"),
    "av": ("PyAV, which needs Python 3.11 or newer, reads and writes videos", "video"),
    "ray": ("Ray spreads pictures over workers", "cluster"),
    "pyarrow": ("pyarrow writes the table of results", "cluster"),
}


@dataclass(frozen=True)
class _Statistics:
    """How to switch off a package's usage statistics.

    Attributes:
        environment: environment variables to set before the import, unless the user has set them.
        blocked: modules that send the statistics; the package works without them.
        switch: name of the package's function to call after the import.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()
    switch: str | None = None


_HUGGING_FACE = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
# Every package that sends usage statistics by default, including packages that applications on
# top of this one use. Scarf counts installations and imports for other packages.
_STATISTICS = {
    "openvino": _Statistics(blocked=("openvino_telemetry",)),
    # From 1.31 on it sends them on all systems. Earlier versions send them on Windows only and
    # do not know the variable.
    "onnxruntime": _Statistics({"ORT_DISABLE_TELEMETRY": "1"}, switch="disable_telemetry_events"),
    "gradio": _Statistics({"GRADIO_ANALYTICS_ENABLED": "False", **_HUGGING_FACE}),
    "ray": _Statistics({"RAY_USAGE_STATS_ENABLED": "0"}),
    "huggingface_hub": _Statistics(_HUGGING_FACE),
    "scarf": _Statistics({"SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "1"}),
}
_CHECKOUT = Path(__file__).resolve().parent.parent
# Importing Paddle creates this folder in the home or the temporary folder. Paddle's data sets
# create it again when they need it.
_PADDLE_FOLDER = os.path.join(".cache", "paddle", "dataset")


_KEPT: list[Any] = []  # context managers that must live as long as the process


def _stay_dynamic(paddle: ModuleType) -> None:
    """Keep Paddle in dynamic mode after the thread that imported it has ended.

    The import enters the mode with a context manager that belongs to the thread. When the thread
    ends, Python deletes the context manager, and that ends the mode for all threads.
    """
    with contextlib.suppress(AttributeError):  # later releases may not have this attribute
        manager = paddle.base.framework.global_var._functional_dygraph_context_manager
        if manager is not None and not any(manager is kept for kept in _KEPT):
            _KEPT.append(manager)
            # Leave the mode at exit, before Python clears the modules that this needs.
            atexit.register(manager.__exit__, None, None, None)


def require(module: str) -> ModuleType:
    """Import an optional package; the error for a missing one says how to install it.

    Args:
        module: name of the package to import, such as ``"paddle"``.

    Raises:
        MissingDependencyError: the package is not installed or cannot be loaded.
    """
    # Checked before the import, because Paddle sets the variable itself.
    set_threads = (
        module == "paddle" and module not in sys.modules and "OMP_NUM_THREADS" not in os.environ
    )
    if module == "paddle":  # at every export its C++ log prints warnings that no user can act on
        os.environ.setdefault("GLOG_minloglevel", "2")
    send_no_statistics(module)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            stack.enter_context(_unchanged_root_logger())
            if module not in sys.modules:
                stack.enter_context(_uninterrupted())
            if module == "paddle" and module not in sys.modules:
                stack.enter_context(_no_folder_of_paddle())
                stack.enter_context(_without_handlers_of_paddle())
            # Paddle warns about a missing compiler cache that only extension builders need.
            warnings.filterwarnings("ignore", message="No ccache found")
            imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise _broken(module, error) from error
        purpose, _ = _OPTIONAL[module]
        raise MissingDependencyError(
            f"{purpose}, but it is not installed: run  {install_command(module)}"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # a broken library raises errors of many types
        raise _broken(module, error) from error
    switch = _STATISTICS[module].switch if module in _STATISTICS else None
    if switch is not None and hasattr(imported, switch):
        getattr(imported, switch)()
    if module == "paddle":
        _stay_dynamic(imported)
    if set_threads:
        # Paddle uses a single core by default. Setting OMP_NUM_THREADS would help as well, but
        # Paddle then prints a warning at every start.
        imported.base.core.set_num_threads(cpu_count())
    return imported


def send_no_statistics(module: str) -> None:
    """Switch off a package's usage statistics, if it has any; to be called before its import."""
    statistics = _STATISTICS.get(module, _Statistics())
    for name, value in statistics.environment.items():
        os.environ.setdefault(name, value)
    for name in statistics.blocked:
        # None in sys.modules makes an import of this module fail.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # typeshed forbids None


def _broken(module: str, error: Exception) -> MissingDependencyError:
    reason = " ".join(f"{error}".split()) or type(error).__name__
    remedy = "install it again."
    if module == "pyarrow" and (installed_version("numpy") or "").startswith("1."):
        remedy = "pyarrow 26 and later need NumPy 2, so run  pip install 'pyarrow<26'"
    return MissingDependencyError(
        f"{module} is installed but cannot be loaded ({reason}): {remedy}"
    )


@contextlib.contextmanager
def _no_folder_of_paddle() -> Iterator[None]:
    """Keep the import of Paddle from creating an empty folder in the user's home."""
    original = os.makedirs

    def makedirs(name: Any, *args: Any, **options: Any) -> None:
        if not str(name).endswith(_PADDLE_FOLDER):
            original(name, *args, **options)

    _replace(os, "makedirs", makedirs)
    try:
        yield
    finally:
        _replace(os, "makedirs", original)


def _replace(module: ModuleType, name: str, value: object) -> None:
    setattr(module, name, value)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C, SIGTERM and SIGHUP until the import in the block has ended.

    A C++ library that is interrupted while it loads fails with an error of its own, which looks
    as if the library were damaged.
    """
    arrived: list[int] = []
    try:
        with handled_by(lambda number, _: arrived.append(number)):
            yield
    finally:
        if arrived:
            signal.raise_signal(arrived[0])


@contextlib.contextmanager
def _without_handlers_of_paddle() -> Iterator[None]:
    """Undo what the import of Paddle does to signal handlers.

    It replaces Python's handlers for SIGTERM and for crashes by one that prints a C++ stack and
    may hang.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        _remove_handlers_of_paddle()
        return
    guard = _SignalGuard()
    sys.meta_path.insert(0, guard)
    try:
        yield
        guard.find_spec()
    finally:
        sys.meta_path.remove(guard)


class _SignalGuard(importlib.abc.MetaPathFinder):
    """Import hook that finds no module, but removes Paddle's signal handlers at every import.

    Paddle's import goes on for a second after it has installed them.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def find_spec(self, *_: object) -> None:
        """Remove Paddle's handlers, and restore the previous one for SIGTERM."""
        if threading.current_thread() is not threading.main_thread():  # only it may set handlers
            return
        _remove_handlers_of_paddle()
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)


def _remove_handlers_of_paddle() -> None:
    core = sys.modules.get("paddle.base.core")
    getattr(core, "disable_signal_handler", lambda: None)()


@contextlib.contextmanager
def _unchanged_root_logger() -> Iterator[None]:
    """Undo what an import does to the root logger.

    Paddle adds a handler. A script that then adds its own would print every message twice.
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

    No package index has ppgan_mpr. If it is installed, from a wheel or a checkout, pip needs only
    its name to add an extra. If it runs from a checkout without being installed, pip needs the
    checkout's folder.
    """
    # A build leaves an .egg-info folder in a checkout, which is no installation.
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
    """Number of CPU cores that this process may use; the machine may have more."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
