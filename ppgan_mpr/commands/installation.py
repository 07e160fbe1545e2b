"""Collects facts about this installation: packages, machine, cache and weights."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dependencies import cpu_count, installed_version
from ..errors import RestorationError
from ..version import __version__
from ..versions import OPENCV
from .probes import ProbeError, run_probe

PADDLE = ("paddlepaddle", "paddlepaddle-gpu")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "PIL": ("pillow",),
    "cv2": OPENCV,
    "platformdirs": ("platformdirs",),
    "pooch": ("pooch",),
    "safetensors": ("safetensors",),
    "tqdm": ("tqdm",),
}
_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "paddle": PADDLE,
    "openvino": ("openvino",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {"pillow_heif": ("pillow-heif",), "rawpy": ("rawpy",)}
TRAINING: Mapping[str, tuple[str, ...]] = {
    "ppgan": ("ppgan",),
    "yaml": ("PyYAML",),
    "isal": ("isal",),
    "scipy": ("scipy",),
}
#: Module -> the distributions that provide it; the usual one comes first.
MODULES = {**REQUIRED, **_BACKENDS, **_OPTIONS, **TRAINING}

#: Processor features that affect how fast a network runs.
FEATURES = ("avx2", "avx512", "avx512_bf16", "amx_bf16")
VARIABLES = ("OMP_NUM_THREADS", "PPGAN_MPR_HOME", "PPGAN_MPR_MIRROR")


@dataclass(frozen=True)
class Trial:
    """A trial restoration of a tiny picture with all options left at ``auto``.

    Attributes:
        backend, device, precision: the values that ``auto`` chose; None if the trial failed.
        warnings: messages that the package logged during the trial.
        error: why it failed, or None.
    """

    backend: str | None = None
    device: str | None = None
    precision: str | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class CacheFolder:
    """The folder of downloaded weights and compiled networks.

    Attributes:
        folder: its path, or None if there is none.
        weights_bytes, networks_bytes: sizes of the weights and of the compiled networks in it.
        error: why it cannot be written, or None.
    """

    folder: str | None = None
    weights_bytes: int = 0
    networks_bytes: int = 0
    error: str | None = None


@dataclass(frozen=True)
class WeightsFile:
    """A weights file of the catalogue.

    Attributes:
        name: the name that ``load_weights`` takes, such as ``lite:…``.
        state: ``verified``, ``damaged``, ``missing``, ``not downloaded``, or, for an existing file
            that cannot be verified, ``no digest published``.
        path: path of the file.
        embedded: whether it comes with the package.
    """

    name: str
    state: str
    path: str
    embedded: bool


@dataclass(frozen=True)
class Facts:
    """The facts about an installation that a bug report needs.

    Attributes:
        prefix: folder of the Python environment.
        packages: distribution -> version, or None if it is not installed.
        broken: installed module -> why it cannot be imported.
        features: the :data:`FEATURES` that the processor has; None if unknown.
        capabilities: OpenVINO's names of the data types that the processor supports.
        cuda: whether PaddlePaddle is built for GPUs; None if unknown.
        gpus: the GPUs that the NVIDIA driver shows to this process.
        memory: bytes that this process can still allocate; None if unknown.
        budget: default memory budget of a network in bytes; None if unknown.
        variables: environment variable -> value, or None if it is not set.
        unknown: facts that could not be collected, each with the reason.
    """

    version: str
    python: str
    prefix: str
    system: str
    machine: str
    packages: Mapping[str, str | None]
    processor: str
    cores: int
    broken: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] = ()
    cuda: bool | None = None
    gpus: tuple[str, ...] = ()
    memory: int | None = None
    budget: int | None = None
    trial: Trial = Trial()
    cache: CacheFolder = CacheFolder()
    weights: tuple[WeightsFile, ...] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def installed(self, module: str) -> list[str]:
        """The installed distributions that provide a module."""
        return [name for name in MODULES[module] if self.packages.get(name) is not None]


def collect() -> Facts:
    """Collect the facts; this takes some seconds, changes nothing and sends nothing."""
    packages = {name: _version(name) for names in MODULES.values() for name in names}
    modules = [
        module
        for module, names in MODULES.items()
        if any(packages[name] is not None for name in names)
    ]
    with ThreadPoolExecutor(max(2, min(cpu_count(), 8))) as pool:
        running = {name: pool.submit(_probe, name) for name in ["trial", *modules]}
        unknown: list[str] = []
        memory, budget = _guarded(unknown, "free memory", _memory) or (None, None)
        cache = _guarded(unknown, "cache folder", _cache) or CacheFolder()
        weights = _guarded(unknown, "weights", _weights) or ()
        results = {name: future.result() for name, future in running.items()}
    found = {name: result for name, result in results.items() if not isinstance(result, str)}
    failed = {name: result for name, result in results.items() if isinstance(result, str)}
    trial = found.get("trial") or {"error": failed.pop("trial")}
    paddle = found.get("paddle", {})
    return Facts(
        version=__version__,
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        prefix=sys.prefix,
        system=platform.platform(),
        machine=platform.machine(),
        packages=packages,
        broken=failed,
        processor=processor_name(),
        cores=cpu_count(),
        features=processor_features(),
        capabilities=tuple(found.get("openvino", {}).get("capabilities", ())),
        cuda=paddle.get("cuda"),
        gpus=tuple(paddle.get("gpus", ())),
        memory=memory,
        budget=budget,
        trial=Trial(**{**trial, "warnings": tuple(trial.get("warnings", ()))}),
        cache=cache,
        weights=weights,
        variables={name: os.environ.get(name) for name in VARIABLES},
        unknown=tuple(unknown),
    )


def processor_name() -> str:
    """The name that the processor reports, or its architecture."""
    try:
        if sys.platform == "darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip()
        name = _cpuinfo("model name")
        if name:
            return name
    except (OSError, subprocess.CalledProcessError):
        pass
    return platform.processor() or platform.machine()


def processor_features() -> tuple[str, ...] | None:
    """The :data:`FEATURES` that the processor has, or None if the system does not report any."""
    try:
        flags = _cpuinfo("flags").split()
    except OSError:
        return None
    kernel_names = {"avx512": "avx512f"}
    return (
        tuple(name for name in FEATURES if kernel_names.get(name, name) in flags) if flags else None
    )


def _cpuinfo(key: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _probe(name: str) -> Mapping[str, Any] | str:
    """The result of a probe, or why it failed."""
    try:
        return run_probe(name, limit=300 if name == "trial" else 120)
    except ProbeError as error:
        return str(error)


def _guarded(unknown: list[str], subject: str, probe: Any) -> Any:
    """The result of a probe. If the probe fails: None, and ``unknown`` gets the reason."""
    try:
        return probe()
    except Exception as error:  # an incomplete report is better than none
        unknown.append(f"{subject}: {type(error).__name__}: {error}")
        return None


def _version(package: str) -> str | None:
    try:
        return installed_version(package)
    except Exception as error:  # damaged metadata
        return f"unknown version ({type(error).__name__})"


def _memory() -> tuple[int, int]:
    from ..free_memory import available
    from ..inference.memory import DEFAULT_BUDGET

    return available(), DEFAULT_BUDGET


def _cache() -> CacheFolder:
    from ..cache_dir import cache_dir

    try:
        folder = cache_dir()
    except RestorationError as missing:
        return CacheFolder(error=str(missing))
    error = None
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as reason:
        error = f"{existing}: {reason.strerror}"
    sizes = {
        name: sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        for name in ("weights", "networks")
    }
    return CacheFolder(str(folder), sizes["weights"], sizes["networks"], error)


def _weights() -> tuple[WeightsFile, ...]:
    from ..networks import weights_records
    from ..weights.download import cached_path

    files = []
    for record in weights_records():
        path = record.path or (cached_path(record) if record.url else None)
        if path:
            embedded = record.path is not None
            state = _state(path, embedded, record.sha256, record.git_blob)
            files.append(WeightsFile(record.name, state, str(path), embedded))
    return tuple(files)


def _state(path: Path, embedded: bool, sha256: str | None, git_blob: str | None) -> str:
    from ..weights.digests import digest_file

    if not path.is_file():
        return "missing" if embedded else "not downloaded"
    digest = digest_file(path)
    if sha256:
        return "verified" if digest.sha256 == sha256 else "damaged"
    if git_blob:
        return "verified" if digest.git_blob == git_blob else "damaged"
    return "no digest published"
