"""A pool of restorers, one for each device, so that several GPUs share the pictures."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .backends import check_device
from .model import Model
from .options import InferenceOptions
from .restorer import Restorer


class RestorerPool:
    """Restorers on one or several devices; each restores one picture at a time.

    Args:
        restorers: at least one.
        device: the names of their devices, such as ``cpu``, ``gpu:0`` or ``gpu:0,1``.

    Attributes:
        restorers, device: as given.
        first: one of them, for properties that all share.
    """

    def __init__(self, restorers: Sequence[Restorer], device: str):
        self.restorers = tuple(restorers)
        self.first = self.restorers[0]
        self.device = device
        self._free: queue.SimpleQueue[Restorer] = queue.SimpleQueue()
        for restorer in restorers:
            self._free.put(restorer)

    @classmethod
    def on_devices(
        cls, build_model: Callable[[], Model], options: InferenceOptions
    ) -> RestorerPool:
        """A pool with one restorer on each device that the options name.

        Tiles are planned for the card with the least memory, so that a picture's pixels do not
        depend on the card that restores it.

        Args:
            build_model: builds the model; called once for each device, as PaddlePaddle keeps a
                network's weights on a single device.
            options: see :class:`.options.InferenceOptions`.

        Raises:
            UsageError, MissingDependencyError: see :class:`.restorer.Restorer`.
        """
        devices = check_device(options)
        memory = min(device.total_memory for device in devices)
        restorers = [
            Restorer(build_model(), options, on=replace(device, total_memory=memory))
            for device in devices
        ]
        indices = ",".join(str(device.index) for device in devices)
        return cls(restorers, f"gpu:{indices}" if devices[0].kind == "gpu" else "cpu")

    def __len__(self) -> int:
        return len(self.restorers)

    def load_ahead(self, height: int, width: int) -> None:
        """Start loading the network for a picture of this size, unless the restorer is lent.

        It does nothing on GPUs. See :meth:`.restorer.Restorer.load_ahead`.
        """
        with self._lend_if_free() as restorer:
            if restorer:
                restorer.load_ahead(height, width)

    def forget(self) -> None:
        """See :meth:`.restorer.Restorer.forget`; it does nothing while the restorer is lent."""
        with self._lend_if_free() as restorer:
            if restorer:
                restorer.forget()

    @contextlib.contextmanager
    def _lend_if_free(self) -> Iterator[Restorer | None]:
        """The restorer of a CPU if it is free; nothing is loaded ahead on GPUs."""
        try:
            restorer = self._free.get_nowait() if self.device == "cpu" else None
        except queue.Empty:
            restorer = None
        try:
            yield restorer
        finally:
            if restorer:
                self._free.put(restorer)

    @contextlib.contextmanager
    def lend(self) -> Iterator[Restorer]:
        """A restorer for one picture; waits until one is free."""
        restorer = self._free.get()
        try:
            yield restorer
        finally:
            self._free.put(restorer)
