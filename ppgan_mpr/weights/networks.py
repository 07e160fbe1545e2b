"""Telling from tensors which network they belong to, and of which size."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..dependencies import require
from ..errors import WeightsError

Shapes = Mapping[str, tuple]


@dataclass(frozen=True)
class Architecture:
    """A network that weights can be recognised for.

    Attributes:
        name: class name in :mod:`ppgan_mpr.models.generators`.
        marks: parameter names that every state dict of the network has, and no other's.
        deduce: shapes → the constructor's arguments.
    """

    name: str
    marks: tuple[str, ...]
    deduce: Callable[[Shapes], dict]

    def shapes(self, hyperparameters: Mapping) -> Shapes:
        """Name → shape of every entry of the network's state dict."""
        return _state_shapes(self.name, tuple(sorted(hyperparameters.items())))


@functools.lru_cache(maxsize=8)
def _state_shapes(name: str, hyperparameters: tuple) -> Shapes:
    network = build(name, dict(hyperparameters))
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def build(name: str, hyperparameters: Mapping):
    """A ``paddle.nn.Layer`` of the named network with random weights."""
    require("paddle")
    from ..models import generators

    return getattr(generators, name)(**hyperparameters)


def _deduce_mprnet(shapes: Shapes) -> dict:
    n_feat, in_c, kernel_size, _ = shapes["shallow_feat1.0.weight"]
    orb_convs = [name for name in shapes if name.startswith("stage3_orsnet.orb1.body.")]
    blocks = {int(name.split(".")[3]) for name in orb_convs if ".CA." in name}
    return {
        "in_c": in_c,
        "out_c": shapes["tail.weight"][0],
        "n_feat": n_feat,
        "scale_unetfeats": shapes["stage1_encoder.down12.down.1.weight"][0] - n_feat,
        "scale_orsnetfeats": shapes["concat23.weight"][0] - n_feat,
        "num_cab": len(blocks),
        "kernel_size": kernel_size,
        "reduction": n_feat // shapes["shallow_feat1.1.CA.conv_du.0.weight"][0],
        "bias": "tail.bias" in shapes,
    }


ARCHITECTURES = (
    Architecture(
        name="MPRNet",
        marks=("shallow_feat1.0.weight", "sam12.conv1.weight", "concat23.weight", "tail.weight"),
        deduce=_deduce_mprnet,
    ),
)


def recognise(tensors: Mapping[str, np.ndarray], name: str) -> tuple[Architecture, dict]:
    """The network that ``tensors`` belong to and its hyper-parameters.

    Args:
        tensors: parameter name → array.
        name: the file, for messages.

    Raises:
        WeightsError: no known network has such parameters.
    """
    shapes = {key: value.shape for key, value in tensors.items()}
    for architecture in ARCHITECTURES:
        if all(mark in shapes for mark in architecture.marks):
            try:
                return architecture, architecture.deduce(shapes)
            except (KeyError, ValueError, ZeroDivisionError, IndexError):
                raise WeightsError(
                    f"{name} holds parts of {architecture.name} but not all of it: it may be "
                    "cut short or belong to a variant that is not supported."
                ) from None
    known = ", ".join(architecture.name for architecture in ARCHITECTURES)
    sample = ", ".join(list(shapes)[:3]) or "nothing"
    raise WeightsError(
        f"{name} holds weights of another network (found {len(shapes)} tensors: {sample}, …; "
        f"expected {known})."
    )
