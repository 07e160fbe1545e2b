"""Gradient recomputation: less memory for a batch, for a second forward pass of most layers."""

from __future__ import annotations

from typing import Any

import paddle

from ..errors import UsageError
from ..networks import spec_of
from ..networks.spec import resolve

_RANDOM = (paddle.nn.Dropout, paddle.nn.Dropout2D, paddle.nn.Dropout3D, paddle.nn.AlphaDropout)


def recompute_blocks(network: paddle.nn.Layer) -> None:
    """Let the blocks of a network keep their input alone for the backward pass, in place.

    The backward pass computes the rest again, block by block, with the same number formats. The
    gradients are the same bit by bit where layers are deterministic, as those of this package.

    Args:
        network: whose :class:`~ppgan_mpr.networks.spec.NetworkSpec` names ``recomputed_layers``.

    Raises:
        UsageError: the network has none.
    """
    spec = spec_of(network)
    if spec is None or not spec.recomputed_layers:
        name = type(network).__name__
        raise UsageError(
            f"recompute is not for {name}, which states no recomputed_layers: leave it out, and "
            "set accumulate to save memory."
        )
    blocks = tuple(resolve(path) for path in spec.recomputed_layers)
    for layer in network.sublayers():
        if isinstance(layer, blocks):
            layer.forward = _Recomputed(layer, layer.forward)


class _Recomputed:
    """The forward pass of a layer that is recomputed while training."""

    def __init__(self, layer: paddle.nn.Layer, forward: Any) -> None:
        self._layer, self._forward = layer, forward
        # Random numbers must repeat, for which PaddlePaddle 2 does not recompute on a CPU.
        self._random = any(isinstance(part, _RANDOM) for part in layer.sublayers(include_self=True))

    def __call__(self, *maps: paddle.Tensor) -> paddle.Tensor:
        if not (self._layer.training and paddle.is_grad_enabled()):
            return self._forward(*maps)
        from paddle.distributed.fleet.utils import recompute

        # The reentrant form runs a backward pass of each block inside the whole one: gradients of
        # a PReLU that all blocks share then arrive one by one, which DataParallel cannot take.
        return recompute(self._forward, *maps, use_reentrant=False, preserve_rng_state=self._random)
