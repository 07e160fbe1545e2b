"""The losses that a configuration of an MPRModel may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..networks.losses import CharbonnierLoss, EdgeLoss, PSNRLoss
from ..ppgan_compat import registry_table


def criterions() -> dict[str, type]:
    """Name → class of the losses of an :class:`MPRModel`; ours replace PaddleGAN's.

    PaddleGAN's registry stays unchanged, because its CharbonnierLoss is another function, with
    which its other models were trained.
    """
    ours = {loss.__name__: loss for loss in (CharbonnierLoss, EdgeLoss, PSNRLoss)}
    return {**registry_table("CRITERIONS"), **ours}


def build_criterion(config: Mapping[str, Any]) -> Any:
    """Build the loss that a section of the configuration names."""
    arguments = {key: value for key, value in config.items() if key != "name"}
    return criterions()[config["name"]](**arguments)
