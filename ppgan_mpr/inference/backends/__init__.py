"""What can run a network.

A backend turns one picture [1, C, H, W] float32 in [0, 1], H and W multiples of
``size_multiple``, into the restored one [1, 3, H, W], not clipped:

``run(picture, averages=None)``
    with the averages of the channel attention given, or the picture's own.
``measure(picture)``
    those averages: a list of [N, C, 1, 1], N = 1, 2 (halves) or 4 (quadrants); empty for a
    network without.
``bytes_per_pixel``
    the working memory for a picture, about.
``room``
    the working memory, in bytes, that networks kept for later pictures may take together.
``kept``
    the working memory, in bytes, that they take at present.
``release()``
    gives back the memory of what is kept for later pictures.

``run`` and ``measure`` raise MemoryError when the picture is too large.
"""

from __future__ import annotations

import importlib.util
import logging

from ...dependencies import install_command
from ...errors import MissingDependencyError, UsageError

BACKENDS = ("auto", "paddle", "openvino", "onnxruntime")
PRECISIONS = ("auto", "f32", "bf16", "f16")

logger = logging.getLogger("ppgan_mpr")


def create_backend(model, name="auto", device="auto", precision="auto", threads=None):
    """The backend for a model.

    Args:
        model: a :class:`~ppgan_mpr.inference.model.Model`.
        name: one of ``BACKENDS``; ``auto`` takes PaddlePaddle on a GPU, and on a CPU OpenVINO,
            else ONNX Runtime, else PaddlePaddle, whichever is installed.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        precision: one of ``PRECISIONS``; ``auto`` takes bfloat16 only where the processor
            computes in it.
        threads: number of CPU threads; default: all cores this process may use.

    Raises:
        UsageError: the options contradict each other.
        MissingDependencyError: the backend is not installed.
    """
    if name not in BACKENDS:
        raise UsageError(f"backend is {name!r}: choose one of {', '.join(BACKENDS)}.")
    if precision not in PRECISIONS:
        raise UsageError(f"precision is {precision!r}: choose one of {', '.join(PRECISIONS)}.")
    from .paddle_backend import PaddleBackend, choose_device, may_have_gpu

    if device != "cpu" and (device != "auto" or may_have_gpu()):
        device = choose_device(device)
    else:
        device = "cpu"
    if device != "cpu" and name in ("openvino", "onnxruntime"):
        raise UsageError(f"backend {name} runs on the CPU: choose --device cpu or another backend.")
    if name == "paddle" or (name == "auto" and device != "cpu"):
        return PaddleBackend(model, device, precision, threads)
    if name != "auto":
        try:
            return _exported(name, model, precision, threads)
        except NotImplementedError as error:
            raise UsageError(
                f"The network cannot be exported for backend {name} ({error}): choose --backend "
                "paddle."
            ) from error
    reason = f"no faster backend is installed: {install_command('openvino')} brings OpenVINO."
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


def _exported(name, model, precision, threads):
    if name == "openvino":
        from .openvino_backend import OpenVINOBackend as Backend
    else:
        from .onnxruntime_backend import ONNXRuntimeBackend as Backend
    return Backend(model, precision, threads)
