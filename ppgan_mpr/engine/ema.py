"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import paddle


class EMA:
    """A moving average of a network's weights, which restores better than the last weights.

    After update n the average is ``d·average + (1 - d)·weights`` with
    ``d = min(decay, (1 + n) / (10 + n))``, so that the random start is soon forgotten.

    Args:
        network: the network.
        decay: close to 1; 0.999 averages over about a thousand iterations.
    """

    def __init__(self, network: paddle.nn.Layer, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.updates = 0
        self._is_applied = False
        parameters = network.parameters()
        self._average = [p.detach().astype("float32").clone() for p in parameters]
        # The network's own state dict may have weights in 16 bits.
        averages = {id(p): average for p, average in zip(parameters, self._average)}
        self._named = {
            name: averages[id(value)]
            for name, value in network.state_dict().items()
            if id(value) in averages
        }

    def restart(self) -> None:
        """Restart the average from the network's current weights."""
        self.updates = 0
        self._assign(self._average, self.network.parameters())

    @paddle.no_grad()
    def update(self) -> None:
        """Add the network's current weights to the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, parameter in zip(self._average, self.network.parameters()):
            average.scale_(decay)
            average.add_((1 - decay) * parameter.astype("float32"))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the averaged weights inside the block, and its own weights afterwards.

        Blocks may be nested.
        """
        if self._is_applied:
            yield
            return
        parameters = self.network.parameters()
        backup = [parameter.detach().clone() for parameter in parameters]
        self._assign(parameters, self._average)
        self._is_applied = True
        try:
            yield
        finally:
            self._is_applied = False
            self._assign(parameters, backup)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The average under the names of the network's state dict; shared weights are repeated."""
        state = {**self.network.state_dict(), **self._named}
        return {name: value.astype("float32").numpy().copy() for name, value in state.items()}

    def set_state_dict(self, state: Mapping[str, np.ndarray], updates: int) -> None:
        """Continue from the :meth:`state_dict` of an average and its number of updates."""
        for (name, _), average in zip(self.network.named_parameters(), self._average):
            average.set_value(state[name])
        self.updates = updates

    @staticmethod
    @paddle.no_grad()
    def _assign(targets: Iterable[paddle.Tensor], values: Iterable[paddle.Tensor]) -> None:
        for target, value in zip(targets, values):
            paddle.assign(value.astype(target.dtype), output=target)
