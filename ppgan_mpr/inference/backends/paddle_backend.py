"""The PaddlePaddle backend, on a CPU or a GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...dependencies import cpu_count, install_extra, installed_version, require
from ...errors import UsageError
from ..model import Model
from ..shared_statistics import is_statistic
from .allocation import is_allocation_failure

# Measured working memory in bytes for each pixel and channel of the widest layer.
_BYTES = 30


def choose_device(device: str = "auto") -> str:
    """Paddle's name of a device: ``cpu`` or ``gpu:N``.

    Args:
        device: ``auto`` (the first GPU if Paddle can use one), ``cpu``, ``gpu`` or ``gpu:N``.

    Raises:
        UsageError: this machine, or this build of Paddle, has no such device.
    """
    name, _, index = device.partition(":")
    if name == "cpu":
        return "cpu"
    paddle = require("paddle")
    count = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    if name == "auto":
        return "gpu:0" if count else "cpu"
    if not paddle.device.is_compiled_with_cuda():
        raise UsageError(
            f"Device {device} needs a PaddlePaddle built for GPUs: {install_extra('gpu')} "
            "after pip uninstall paddlepaddle, or choose device='cpu'."
        )
    if int(index or 0) >= count:
        raise UsageError(
            f"There is no device {device}: this machine has {count} GPU(s) that Paddle can use."
        )
    return f"gpu:{int(index or 0)}"


def may_have_gpu() -> bool:
    """Whether a PaddlePaddle built for GPUs is installed; does not import it."""
    return installed_version("paddlepaddle-gpu") is not None


class PaddleBackend:
    """Runs a network in Paddle's dynamic graph.

    Args:
        model: the network and its weights.
        device: see :func:`choose_device`.
        precision: ``auto`` and ``f32`` mean float32; ``bf16`` and ``f16`` mean Paddle's
            automatic mixed precision with this type, on a GPU only.
        threads: number of CPU threads; default: all cores that this process may use.
    """

    name = "paddle"

    def __init__(
        self,
        model: Model,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ):
        self._paddle = require("paddle")
        self.device = choose_device(device)
        self.precision = "f32" if precision == "auto" else precision
        if threads:
            self._paddle.base.core.set_num_threads(threads)
        self.threads = threads or cpu_count()
        network = model.network
        self._place = (
            self._paddle.CPUPlace()
            if self.device == "cpu"
            else self._paddle.CUDAPlace(int(self.device.partition(":")[2]))
        )
        self._network = network.to(self.device)
        shared = model.shared_layers
        self._shared = [layer for layer in network.sublayers() if isinstance(layer, shared)]
        widest = max(parameter.shape[0] for parameter in network.parameters())
        self.bytes_per_pixel = _BYTES * widest
        self.keep_budget = 0.0  # not used: nothing is kept

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`."""
        if statistics is None:
            return self._forward(picture)
        given = iter([self._tensor(statistic) for statistic in statistics])
        with self._hooked(lambda output: next(given)):
            return self._forward(picture)

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        statistics: list[np.ndarray] = []
        with self._hooked(lambda output: statistics.append(output.numpy())):
            self._forward(picture)
        return statistics

    kept_bytes = 0.0  # nothing is kept

    def release(self) -> None:
        """See :class:`.base.Backend`; nothing is kept."""

    @contextlib.contextmanager
    def _hooked(self, on_statistic: Callable[[Any], Any]) -> Iterator[None]:
        """Call ``on_statistic`` with each statistic; a result that is not None replaces it."""

        def hook(layer: Any, inputs: Any, output: Any) -> Any:
            return on_statistic(output) if is_statistic(output) else None

        handles = [layer.register_forward_post_hook(hook) for layer in self._shared]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _tensor(self, array: np.ndarray) -> Any:
        return self._paddle.to_tensor(array, place=self._place)

    def _forward(self, picture: np.ndarray) -> np.ndarray:
        half = {"bf16": "bfloat16", "f16": "float16"}.get(self.precision, "float16")
        amp = self._paddle.amp.auto_cast(self.precision != "f32", dtype=half)
        try:
            with self._paddle.no_grad(), amp:
                outputs = self._network(self._tensor(picture))
                first = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
                return first.astype("float32").numpy()
        except Exception as error:  # Paddle's own have no public names
            if is_allocation_failure(error):
                raise MemoryError(f"{self.device} ran out of memory") from None
            raise
