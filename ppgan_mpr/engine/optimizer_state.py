"""The state of an optimizer under names that do not depend on the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

_MASTER_WEIGHTS = "master_weights"


def optimizer_state(
    optimizer: paddle.optimizer.Optimizer, network: paddle.nn.Layer
) -> dict[str, Any]:
    """An optimizer's state under the attribute paths of the network's parameters.

    Paddle's own names contain a counter of all layers that a process has made, which differs
    between processes.
    """
    return _rename(optimizer.state_dict(), {p.name: n for n, p in network.named_parameters()})


def set_optimizer_state(
    optimizer: paddle.optimizer.Optimizer, network: paddle.nn.Layer, state: Mapping[str, Any]
) -> None:
    """Load a state of :func:`optimizer_state` into an optimizer."""
    state = _rename(state, {n: p.name for n, p in network.named_parameters()})
    optimizer.set_state_dict(_tensors(state))


def _rename(state: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Replace the name of the parameter at the start of every key."""
    renamed = {}
    for key, value in state.items():
        if key == _MASTER_WEIGHTS:
            renamed[key] = {names[name]: weight for name, weight in value.items()}
            continue
        # The longest name wins: "conv.w_0" must not match the keys of "conv.w_0_1".
        parts = key.split("_")
        stems = ("_".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
        stem = next((stem for stem in stems if stem in names), None)
        renamed[names[stem] + key[len(stem) :] if stem else key] = value
    return renamed


def _tensors(value: Any) -> Any:
    """Replace the arrays in nested dicts by tensors."""
    if isinstance(value, Mapping):
        return {key: _tensors(item) for key, item in value.items()}
    return paddle.to_tensor(value) if isinstance(value, np.ndarray) else value
