"""One restorer for each device, so that several GPUs share pictures."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from dataclasses import replace
from typing import Callable

from .backends import check_device
from .model import Model
from .options import InferenceOptions
from .restorer import Restorer


class RestorerPool:
    """Restorers on the devices that the options name, each lent to one picture at a time.

    Tiles are planned for the card with the least memory, so that a picture's pixels do not
    depend on which card is free.

    Args:
        build_model: makes the model; called once for each device, as PaddlePaddle keeps a
            network's weights on a single one.
        options: see :class:`.options.InferenceOptions`.

    Attributes:
        first: a restorer of the pool, for what is the same with all.
        device: the names of the devices, such as ``cpu``, ``gpu:0`` or ``gpu:0,1``.

    Raises:
        UsageError, MissingDependencyError: see :class:`.restorer.Restorer`.
    """

    def __init__(self, build_model: Callable[[], Model], options: InferenceOptions):
        devices = check_device(options)
        memory = min(device.total_memory for device in devices)
        restorers = [
            Restorer(build_model(), options, on=replace(device, total_memory=memory))
            for device in devices
        ]
        self.first = restorers[0]
        indices = ",".join(str(device.index) for device in devices)
        self.device = f"gpu:{indices}" if devices[0].kind == "gpu" else "cpu"
        self._size = len(restorers)
        self._free: queue.SimpleQueue[Restorer] = queue.SimpleQueue()
        for restorer in restorers:
            self._free.put(restorer)

    def __len__(self) -> int:
        return self._size

    @contextlib.contextmanager
    def lend(self) -> Iterator[Restorer]:
        """A restorer for one picture; waits until one is free."""
        restorer = self._free.get()
        try:
            yield restorer
        finally:
            self._free.put(restorer)
