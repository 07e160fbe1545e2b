"""The network in PaddlePaddle itself, on a CPU or a GPU."""

from __future__ import annotations

import numpy as np

from ...dependencies import require
from ...errors import UsageError


def choose_device(device: str = "auto") -> str:
    """The Paddle name of a device: ``cpu`` or ``gpu:N``.

    Args:
        device: ``auto`` (the first GPU if Paddle can use one), ``cpu``, ``gpu`` or ``gpu:N``.

    Raises:
        UsageError: no such device on this machine or in this build of Paddle.
    """
    name, _, index = device.partition(":")
    valid = name in ("auto", "cpu", "gpu") and (not index or (name == "gpu" and index.isdigit()))
    if not valid:
        raise UsageError(f"There is no device {device!r}: choose auto, cpu, gpu or gpu:N.")
    if name == "cpu":
        return "cpu"
    paddle = require("paddle")
    count = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    if name == "auto":
        return "gpu:0" if count else "cpu"
    if not paddle.device.is_compiled_with_cuda():
        raise UsageError(
            f"Device {device} needs a PaddlePaddle built for GPUs: pip install 'ppgan_mpr[gpu]' "
            "after pip uninstall paddlepaddle, or choose --device cpu."
        )
    if int(index or 0) >= count:
        raise UsageError(
            f"Device {device} is not there: this machine has {count} GPU(s) that Paddle can use."
        )
    return f"gpu:{int(index or 0)}"


class PaddleBackend:
    """Runs a network in Paddle's dynamic graph.

    Args:
        network: an ``nn.Layer`` in evaluation mode that returns its result first.
        device: see :func:`choose_device`.
    """

    def __init__(self, network, device: str = "auto"):
        self._paddle = require("paddle")
        self.device = choose_device(device)
        self.size_multiple = network.size_multiple
        self._place = (
            self._paddle.CPUPlace()
            if self.device == "cpu"
            else self._paddle.CUDAPlace(int(self.device.partition(":")[2]))
        )
        self._network = network.to(self.device)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """[N, C, H, W] float32 in [0, 1], H and W multiples of 8 → the same, not clipped.

        Raises:
            MemoryError: the device has too little memory for this batch.
        """
        try:
            with self._paddle.no_grad():
                tensor = self._paddle.to_tensor(batch, place=self._place)
                return self._network(tensor)[0].numpy()
        except (MemoryError, RuntimeError) as error:
            # Paddle's own out-of-memory class is a RuntimeError without a public name.
            if isinstance(error, MemoryError) or "ResourceExhausted" in str(error):
                raise MemoryError(f"{self.device} has too little memory") from None
            raise
