"""Telling from tensors which network they belong to, and of which size."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..dependencies import require
from ..errors import RestorationError, WeightsError

Shapes = Mapping[str, tuple]


@dataclass(frozen=True)
class Layout:
    """What a network's state dict consists of.

    Attributes:
        shapes: name → shape of every entry.
        copies: name → the earlier name of the same tensor, where layers share parameters.
    """

    shapes: Shapes
    copies: Mapping[str, str]


@dataclass(frozen=True)
class Architecture:
    """A network that weights can be recognised for.

    Attributes:
        name: class name in :mod:`ppgan_mpr.networks`.
        marks: parameter names that every state dict of the network has, and no other's.
        deduce: shapes → the constructor's arguments, those that show in the tensors.
    """

    name: str
    marks: tuple[str, ...]
    deduce: Callable[[Shapes], dict]

    def layout(self, hyperparameters: Mapping) -> Layout:
        """What the network's state dict consists of."""
        return _layout(self.name, tuple(sorted(hyperparameters.items())))


@functools.lru_cache(maxsize=8)
def _layout(name: str, hyperparameters: tuple) -> Layout:
    paddle = require("paddle")
    with paddle.LazyGuard():  # names and shapes without the memory: the widths may be a file's lie
        state = build(name, dict(hyperparameters)).state_dict()
    first: dict = {}
    same_as = {key: first.setdefault(id(value), key) for key, value in state.items()}
    return Layout(
        shapes={key: tuple(value.shape) for key, value in state.items()},
        copies={key: original for key, original in same_as.items() if key != original},
    )


def build(name: str, hyperparameters: Mapping):
    """A ``paddle.nn.Layer`` of the named network with random weights."""
    require("paddle")
    module = {"MPRNet": "mprnet", "MIRNet": "mirnet", "MIRNetv2": "mirnetv2"}[name]
    network = importlib.import_module(f".{module}.network", __package__)
    return getattr(network, name)(**hyperparameters)


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


def _deduce_mirnet(shapes: Shapes) -> dict:
    return {
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "n_feat": shapes["conv_in.weight"][0],
        "n_RRG": _count(shapes, "body."),
        "n_MSRB": _count(shapes, "body.0.body.") - 1,  # a convolution ends the group
    }


def _deduce_mirnetv2(shapes: Shapes) -> dict:
    n_feat, inp_channels = shapes["conv_in.weight"][:2]
    out_channels = shapes["conv_out.weight"][0]
    block = "body.{}.body.0.{}.body.0.weight"
    per_group = [
        shapes[block.format(group, "dau_top")][1] for group in range(_count(shapes, "body."))
    ]
    mid, bot = (shapes[block.format(0, stream)][0] for stream in ("dau_mid", "dau_bot"))
    # Widths are rounded down: this is the smallest factor that leads to both of them.
    chan_factor = max(mid / n_feat, math.sqrt(bot / n_feat))
    return {
        "inp_channels": inp_channels,
        "out_channels": out_channels,
        "n_feat": n_feat,
        "chan_factor": math.ceil(chan_factor * 1e6) / 1e6,
        "n_MRB": _count(shapes, "body.0.body.") - 1,
        "groups": tuple(n_feat // channels for channels in per_group),
        "task": "defocus_deblurring" if inp_channels != out_channels else None,
    }


def _count(shapes: Shapes, prefix: str) -> int:
    """How many layers a sequence has, whose parameters start with ``prefix``."""
    inside = (name[len(prefix) :] for name in shapes if name.startswith(prefix))
    return len({name.partition(".")[0] for name in inside})


ARCHITECTURES = (
    Architecture(
        name="MPRNet",
        marks=("shallow_feat1.0.weight", "sam12.conv1.weight", "concat23.weight", "tail.weight"),
        deduce=_deduce_mprnet,
    ),
    Architecture(
        name="MIRNet",
        marks=("conv_in.weight", "body.0.body.0.blocks.0.0.body.0.weight", "conv_out.weight"),
        deduce=_deduce_mirnet,
    ),
    Architecture(
        name="MIRNetv2",
        marks=("conv_in.weight", "body.0.body.0.dau_top.body.0.weight", "conv_out.weight"),
        deduce=_deduce_mirnetv2,
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
                hyperparameters = architecture.deduce(shapes)
                architecture.layout(hyperparameters)  # such a network must exist
                return architecture, hyperparameters
            except RestorationError:
                raise
            except Exception:  # what Paddle raises for senseless arguments is of many kinds
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
