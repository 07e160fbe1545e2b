"""Backends that run a network with PaddlePaddle, OpenVINO or ONNX Runtime."""

from __future__ import annotations

import importlib.util
import logging

from ...dependencies import install_command, install_extra, installed_version
from ...errors import MissingDependencyError, UsageError
from .. import devices
from ..devices import CPU, Device
from ..model import Model
from ..options import InferenceOptions
from . import onnxruntime_backend, paddle_backend
from .base import Backend
from .onnxruntime_backend import ONNXRuntimeBackend
from .paddle_backend import PaddleBackend

logger = logging.getLogger(__name__)

# Package and precisions of the backends that compute on a GPU, the preferred backend first.
_ON_GPU = {
    "paddle": ("paddlepaddle-gpu", ("auto", "f32", "tf32", "bf16", "f16")),
    "onnxruntime": ("onnxruntime-gpu", ("auto", "f32", "tf32")),
}
# Precisions of the backends that compute on a CPU, the fastest backend first.
_ON_CPU = {
    "openvino": ("auto", "f32", "bf16", "f16"),
    "onnxruntime": ("auto", "f32"),
    "paddle": ("auto", "f32"),
}


def check_device(options: InferenceOptions) -> tuple[Device, ...]:
    """Check whether device, backend and precision are compatible on this machine.

    Returns:
        The devices to compute on: the CPU, or one or several GPUs.

    Raises:
        UsageError: they contradict each other, or there is no such device.
    """
    name, precision = options.backend, options.precision
    if options.device == "auto":
        chosen = _automatic(name, precision)
    elif options.device == "cpu":
        chosen = (CPU,)
    elif name == "openvino":
        raise UsageError(
            "backend='openvino' runs on the CPU: choose device='cpu', backend='paddle' or "
            "backend='onnxruntime'."
        )
    else:
        chosen = devices.choose_devices(options.device, devices.find_gpus)
        _gpu_backend(name, precision)
    if chosen[0].kind == "cpu":
        _check_cpu_precision(name, precision)
    return chosen


def create_backend(
    model: Model, options: InferenceOptions | None = None, device: Device | None = None
) -> Backend:
    """Create the backend for a model.

    Args:
        model: the network and its weights.
        options: ``backend``, ``device``, ``precision`` and ``threads`` are used here.
            ``backend='auto'`` on a GPU is the first of PaddlePaddle and ONNX Runtime that is
            installed for GPUs. On a CPU, it is the first of OpenVINO, ONNX Runtime and
            PaddlePaddle that is installed and can run the network.
        device: one of the devices from :func:`check_device`; default: the first.

    Raises:
        UsageError: the options contradict each other.
        MissingDependencyError: the backend is not installed.
    """
    options = options or InferenceOptions()
    device = device or check_device(options)[0]
    if device.kind == "gpu":
        name = _gpu_backend(options.backend, options.precision)
        backend = _create(name, model, device, options)
        logger.info("%s computes in %s on %s.", backend.name, backend.precision, device.description)
        return backend
    if options.backend != "auto":
        return _create(options.backend, model, CPU, options)
    return _fastest_on_cpu(model, options)


def _fastest_on_cpu(model: Model, options: InferenceOptions) -> Backend:
    reason: object = None
    for candidate in ("openvino", "onnxruntime"):
        if importlib.util.find_spec(candidate) is None:
            continue
        if options.precision not in _ON_CPU[candidate]:
            continue
        try:
            return _exported(candidate, model, CPU, options)
        except (MissingDependencyError, NotImplementedError) as error:
            reason = error
    remedy = install_command("openvino")
    if options.precision not in _ON_CPU["paddle"]:
        wanted = f"precision={options.precision!r} on a CPU needs OpenVINO"
        if reason is None:
            raise MissingDependencyError(f"{wanted}: {remedy} brings it, or choose 'f32'.")
        raise UsageError(f"{wanted}, which cannot be used: {reason}") from None
    backend = PaddleBackend(model, CPU, options.precision, options.threads)
    if reason is None:
        reason = f"no faster backend is installed: {remedy} brings OpenVINO."
    logger.warning("PaddlePaddle computes, which is slow on a CPU: %s", reason)
    return backend


def _create(name: str, model: Model, device: Device, options: InferenceOptions) -> Backend:
    if name == "paddle":
        return PaddleBackend(model, device, options.precision, options.threads)
    try:
        return _exported(name, model, device, options)
    except NotImplementedError as error:
        raise UsageError(
            f"The network cannot be exported for backend={name!r} ({error}): choose "
            "backend='paddle'."
        ) from error


def _exported(name: str, model: Model, device: Device, options: InferenceOptions) -> Backend:
    """Create a backend that runs an exported network."""
    if name == "openvino":
        from .openvino_backend import OpenVINOBackend

        return OpenVINOBackend(model, options.precision, options.threads, options.memory_bytes)
    return ONNXRuntimeBackend(model, device, options.precision, options.threads)


def _automatic(name: str, precision: str) -> tuple[Device, ...]:
    """The first GPU if there is one and a package that computes on it, else the CPU."""
    packages = (package for key, (package, _) in _ON_GPU.items() if name in ("auto", key))
    if not any(map(installed_version, packages)):
        return (CPU,)  # the usual case, which needs no query of the driver
    try:
        found = devices.choose_devices("gpu", devices.find_gpus)
        _gpu_backend(name, precision)
    except UsageError as error:
        logger.info("device='auto' chooses the CPU. %s", error)
        return (CPU,)
    return found


def _gpu_backend(name: str, precision: str) -> str:
    """The backend that computes on GPUs: ``name``, or the first that is installed for GPUs.

    Raises:
        UsageError: there is none.
    """
    reasons = []
    for candidate, (package, precisions) in _ON_GPU.items():
        if name not in ("auto", candidate):
            continue
        if name == "auto" and installed_version(package) is None:  # without importing anything
            reasons.append(f"{package} is not installed")
        elif precision not in precisions:
            reasons.append(f"{candidate} does not compute in {precision}")
        else:
            reason = _gpu_problem(candidate)
            if reason is None:
                return candidate
            reasons.append(reason)
    remedy = f"see the README on GPUs ({install_extra('gpu')})"
    raise UsageError(
        f"Nothing computes on a GPU: {'; '.join(reasons)}. Choose device='cpu' or {remedy}."
    )


def _gpu_problem(name: str) -> str | None:
    module = paddle_backend if name == "paddle" else onnxruntime_backend
    try:
        return module.gpu_problem()
    except MissingDependencyError as error:
        return str(error)


def _check_cpu_precision(name: str, precision: str) -> None:
    allowed = _ON_CPU.get(name, _ON_CPU["openvino"])
    if precision in allowed:
        return
    if precision == "tf32":
        raise UsageError("precision='tf32' is for GPUs: choose precision='f32' on a CPU.")
    raise UsageError(
        f"backend={name!r} computes in f32 on a CPU, not in {precision}: choose "
        "precision='f32' or backend='openvino'."
    )
