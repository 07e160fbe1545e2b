"""The PaddlePaddle backend, on a CPU or a GPU."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...dependencies import cpu_count, require
from ...paddle_mode import dynamic_mode
from ..devices import CPU, Device
from ..model import Model
from ..shared_statistics import is_statistic
from .allocation import is_allocation_failure
from .base import INT32_ELEMENTS

# Measured working memory on a CPU, in bytes for each pixel and channel of the widest layer.
_BYTES = 30
# Side of a test picture that is run to measure the tensors' sizes; a multiple of the
# `size_multiple` of every network.
_SIDE = 64
_AMP_TYPES = {"bf16": "bfloat16", "f16": "float16"}
# Guards PaddlePaddle's current device, which all threads of the process share.
_CURRENT_DEVICE = threading.RLock()


def gpu_problem() -> str | None:
    """Why the installed PaddlePaddle cannot compute on a GPU, in one sentence; None if it can.

    Raises:
        MissingDependencyError: PaddlePaddle is not installed.
    """
    paddle = require("paddle")
    if not paddle.device.is_compiled_with_cuda():
        return "the installed PaddlePaddle is built for CPUs: see the README for builds for GPUs"
    if not paddle.device.cuda.device_count():
        return "the installed PaddlePaddle sees no GPU: see nvidia-smi and CUDA_VISIBLE_DEVICES"
    return None


class PaddleBackend:
    """Runs a network in Paddle's dynamic graph.

    Args:
        model: the network and its weights; its layers are moved to the device.
        device: the CPU or a GPU.
        precision: ``bf16`` and ``f16`` mean Paddle's automatic mixed precision with this type;
            ``tf32`` and ``f32`` do not use it. ``auto`` is bf16 or else f16 on a GPU with matrix
            units for it, and f32 otherwise.
        threads: number of CPU threads; default: all cores that this process may use.
    """

    name = "paddle"

    def __init__(
        self,
        model: Model,
        device: Device = CPU,
        precision: str = "auto",
        threads: int | None = None,
    ):
        self._paddle = require("paddle")
        self.device = str(device)
        self.precision = _fastest(device) if precision == "auto" else precision
        if threads:
            self._paddle.base.core.set_num_threads(threads)
        self.threads = threads or cpu_count()
        network = model.network
        self._place = (
            self._paddle.CPUPlace()
            if device.kind == "cpu"
            else self._paddle.CUDAPlace(device.index)
        )
        with self._on_device():
            self._network = network.to(self.device)
        shared = model.shared_layers
        self._shared = [layer for layer in network.sublayers() if isinstance(layer, shared)]
        widest = max(parameter.shape[0] for parameter in network.parameters())
        self.bytes_per_pixel = _BYTES * widest
        self.pixel_limit = math.inf
        if device.kind == "gpu":
            self.pixel_limit = INT32_ELEMENTS / self._largest_tensor(model.channels)
        self.keep_budget = 0.0  # not used, as nothing is kept

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`."""
        if statistics is None:
            return self._forward(picture)
        given = iter([self._tensor(statistic) for statistic in statistics])
        with _hooked(self._shared, lambda _, output: next(given) if is_statistic(output) else None):
            return self._forward(picture)

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        statistics: list[np.ndarray] = []

        def note(inputs: Any, output: Any) -> None:
            if is_statistic(output):
                statistics.append(output.numpy())

        with _hooked(self._shared, note):
            self._forward(picture)
        return statistics

    def load_ahead(self, height: int, width: int, given: bool) -> bool:
        """See :class:`.base.Backend`; does nothing, as nothing is loaded for a size."""
        return False

    found_ahead = has_loaded_ahead = False

    def forget(self) -> None:
        """See :class:`.base.Backend`; does nothing, as nothing is loaded ahead."""

    def whole_bytes(self, pixels: int) -> float:
        """See :class:`.base.Backend`."""
        return self.bytes_per_pixel * pixels

    kept_bytes = 0.0  # nothing is kept

    def release(self) -> None:
        """See :class:`.base.Backend`."""
        if self.device != "cpu":
            with self._on_device():
                self._paddle.device.cuda.empty_cache()

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        """Set Paddle's current device to this backend's; afterwards, restore the previous one."""
        paddle = self._paddle
        if not paddle.device.is_compiled_with_cuda():
            yield  # there is no other device
            return
        with _CURRENT_DEVICE:
            before = paddle.device.get_device()
            if before == self.device:
                yield
                return
            paddle.device.set_device(self.device)
            try:
                yield
            finally:
                paddle.device.set_device(before)

    def _largest_tensor(self, channels: int) -> float:
        """Numbers in the largest tensor that a layer takes or returns, per pixel of a picture."""
        sizes: list[int] = []

        def note(inputs: Any, output: Any) -> None:
            sizes.extend(math.prod(tensor.shape) for tensor in _tensors((inputs, output)))

        layers = self._network.sublayers(include_self=True)
        modes = [layer.training for layer in layers]
        self._network.eval()  # it may be in training
        with _hooked(layers, note):
            self._forward(np.zeros([1, channels, _SIDE, _SIDE], np.float32))
        for layer, mode in zip(layers, modes):
            layer.training = mode
        return max(sizes) / _SIDE**2

    def _tensor(self, array: np.ndarray) -> Any:
        return self._paddle.to_tensor(array, place=self._place)

    def _forward(self, picture: np.ndarray) -> np.ndarray:
        half = _AMP_TYPES.get(self.precision)
        amp = self._paddle.amp.auto_cast(half is not None, dtype=half or "float16")
        try:
            # Kernels are queued and computed in the background. Only queueing is guarded, so that
            # several cards work at the same time.
            no_grad, exact = self._paddle.no_grad(), self._exact_products()
            with dynamic_mode(), self._on_device(), exact, no_grad, amp:
                outputs = self._network(self._tensor(picture))
                first = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
                result = first.astype("float32")
            return result.numpy()
        except Exception as error:  # Paddle's exceptions have no public names
            if not is_allocation_failure(error):
                raise
        # Not in the except block: there, the traceback still refers to the failed call's maps.
        self.release()
        raise MemoryError(f"{self.device} ran out of memory")

    @contextlib.contextmanager
    def _exact_products(self) -> Iterator[None]:
        """For f32, keep Paddle from computing in tf32, its default on a GPU."""
        if self.device == "cpu" or self.precision != "f32":
            yield
            return
        core = self._paddle.base.core
        # CPU builds of Paddle 2 have no such switches.
        names = [n for n in ("cublas_switch", "cudnn_switch") if hasattr(core, f"get_{n}")]
        before = {name: getattr(core, f"get_{name}")() for name in names}
        try:
            for name in names:
                getattr(core, f"set_{name}")(False)
            yield
        finally:
            for name, value in before.items():
                getattr(core, f"set_{name}")(value)


@contextlib.contextmanager
def _hooked(layers: Iterable[Any], hook: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Call ``hook`` with the inputs and the output of each layer.

    A result that is not None replaces the output.
    """

    def call(layer: Any, inputs: Any, output: Any) -> Any:
        return hook(inputs, output)

    handles = [layer.register_forward_post_hook(call) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tensors(found: Any) -> Iterator[Any]:
    """All tensors in nested lists and tuples."""
    if isinstance(found, (list, tuple)):
        for item in found:
            yield from _tensors(item)
    elif hasattr(found, "shape"):
        yield found


def _fastest(device: Device) -> str:
    if device.bf16:
        return "bf16"
    return "f16" if device.f16 else "f32"
