"""Backends, which run a network in PaddlePaddle, OpenVINO or ONNX Runtime."""

from __future__ import annotations

import importlib.util
import logging

from ...dependencies import install_command
from ...errors import MissingDependencyError, UsageError
from ..model import Model
from ..options import InferenceOptions
from .base import Backend

logger = logging.getLogger(__name__)


def check_device(options: InferenceOptions) -> str:
    """See whether device, backend and precision go together on this machine.

    Returns:
        The device to compute on, ``cpu`` or ``gpu:N``.

    Raises:
        UsageError: they contradict each other, or there is no such device.
    """
    from .paddle_backend import choose_device, may_have_gpu

    name, device, precision = options.backend, options.device, options.precision
    if device != "cpu" and (device != "auto" or may_have_gpu()):
        device = choose_device(device)
    else:
        device = "cpu"
    if device != "cpu" and name in ("openvino", "onnxruntime"):
        raise UsageError(
            f"backend={name!r} runs on the CPU: choose device='cpu' or backend='paddle'."
        )
    if device == "cpu" and name in ("paddle", "onnxruntime") and precision not in ("auto", "f32"):
        raise UsageError(
            f"backend={name!r} computes in f32 on a CPU, not in {precision}: choose "
            "precision='f32' or backend='openvino'."
        )
    return device


def create_backend(model: Model, options: InferenceOptions | None = None) -> Backend:
    """Create the backend for a model.

    Args:
        model: the network and its weights.
        options: ``backend``, ``device``, ``precision`` and ``threads`` are used here.
            ``backend='auto'`` means PaddlePaddle on a GPU; on a CPU it means the first of
            OpenVINO, ONNX Runtime and PaddlePaddle that is installed and can run the network.

    Raises:
        UsageError: the options contradict each other.
        MissingDependencyError: the backend is not installed.
    """
    options = options or InferenceOptions()
    name, precision, threads = options.backend, options.precision, options.threads
    device = check_device(options)
    from .paddle_backend import PaddleBackend

    if name == "paddle" or (name == "auto" and device != "cpu"):
        return PaddleBackend(model, device, precision, threads)
    if name != "auto":
        try:
            return _exported(name, model, precision, threads)
        except NotImplementedError as error:
            raise UsageError(
                f"The network cannot be exported for backend={name!r} ({error}): choose "
                "backend='paddle'."
            ) from error
    reason: object = (
        f"no faster backend is installed: {install_command('openvino')} brings OpenVINO."
    )
    for candidate in ("openvino", "onnxruntime"):
        if importlib.util.find_spec(candidate) is None:
            continue
        if candidate == "onnxruntime" and precision not in ("auto", "f32"):
            continue
        try:
            return _exported(candidate, model, precision, threads)
        except (MissingDependencyError, NotImplementedError) as error:
            reason = error
    backend = PaddleBackend(model, device, precision, threads)
    logger.warning("PaddlePaddle computes, which is slow on a CPU: %s", reason)
    return backend


def _exported(name: str, model: Model, precision: str, threads: int | None) -> Backend:
    """Create a backend that runs an exported network, on a CPU."""
    if name == "openvino":
        from .openvino_backend import OpenVINOBackend

        return OpenVINOBackend(model, precision, threads)
    from .onnxruntime_backend import ONNXRuntimeBackend

    return ONNXRuntimeBackend(model, threads)
