"""Probes of an installation; each may crash or hang, so it runs in its own process."""

from __future__ import annotations

import importlib
import json
import logging
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ..child_python import python_command
from ..dependencies import require, send_no_statistics
from ..errors import RestorationError


class ProbeError(Exception):
    """A probe failed; the message is one line that says why."""


def run_probe(name: str, limit: float = 120.0) -> Mapping[str, Any]:
    """Run a probe in a new process with the import path of this one.

    Args:
        name: one of :data:`PROBES`, or the name of any module to import.
        limit: seconds after which the process is ended.

    Returns:
        The probe's findings; empty for a module without its own probe.

    Raises:
        ProbeError: an exception, a crash, or no result within the limit.
    """
    try:
        done = subprocess.run(
            python_command(f"from {__name__} import main; main({name!r})"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no result within {limit:g} seconds") from None
    except OSError as error:
        raise ProbeError(f"a process cannot be started: {error.strerror}") from None
    if done.returncode == 0:
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise ProbeError("it makes Python exit") from None
    if done.returncode < 0:
        raise ProbeError(f"it crashes Python ({_signal_name(-done.returncode)})")
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    raise ProbeError(lines[-1].strip()[:300] if lines else f"exit code {done.returncode}")


def main(name: str) -> None:
    """Run a probe and print its findings as JSON in the last line of the output."""
    found = PROBES[name]() if name in PROBES else _import(name)
    print("\n" + json.dumps(found))


def _import(module: str) -> Mapping[str, Any]:
    send_no_statistics(module)
    importlib.import_module(module)
    return {}


def _paddle() -> Mapping[str, Any]:
    paddle = require("paddle")
    from ..inference.devices import find_gpus

    try:
        gpus = [device.description for device in find_gpus()]
    except RestorationError:
        gpus = []
    return {"cuda": paddle.device.is_compiled_with_cuda(), "gpus": gpus}


def _openvino() -> Mapping[str, Any]:
    core = require("openvino").Core()
    return {"capabilities": list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))}


def _ppgan() -> Mapping[str, Any]:
    from ..ppgan_compat import import_ppgan

    import_ppgan("ppgan.engine.trainer")
    return {}


def _trial() -> Mapping[str, Any]:
    """Restore a tiny picture with embedded weights, default options and an empty cache."""
    import numpy as np

    from ..inference import Cache, Restorer, load_model
    from ..networks import weights_records

    log = _Log()
    logging.getLogger("ppgan_mpr").addHandler(log)
    embedded = next(record.name for record in weights_records() if record.path)
    folder = tempfile.mkdtemp()
    try:
        restorer = Restorer(load_model(embedded, Cache(Path(folder))))
        restored = restorer(np.full([64, 64, 3], 0.5, np.float32))
    except RestorationError as error:
        return {"error": str(error), "warnings": log.messages}
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # Windows cannot delete memory-mapped files
    if restored.shape != (64, 64, 3) or not np.isfinite(restored).all():
        return {"error": "the result has NaN, infinity or a wrong size", "warnings": log.messages}
    backend = restorer.backend
    return {
        "backend": backend.name,
        "device": backend.device,
        "precision": backend.precision,
        "warnings": log.messages,
    }


class _Log(logging.Handler):
    """Log handler that keeps all messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


#: Name -> probe that finds more than whether a module can be imported.
PROBES: Mapping[str, Callable[[], Mapping[str, Any]]] = {
    "paddle": _paddle,
    "openvino": _openvino,
    "ppgan": _ppgan,
    "trial": _trial,
}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
