"""Activation recomputation: saves memory at the cost of a second forward pass of most layers."""

from __future__ import annotations

from typing import Any

import paddle

from ..errors import UsageError
from ..networks import spec_of
from ..networks.spec import resolve

_RANDOM = (paddle.nn.Dropout, paddle.nn.Dropout2D, paddle.nn.Dropout3D, paddle.nn.AlphaDropout)


def recompute_blocks(network: paddle.nn.Layer) -> None:
    """Change the blocks of a network so that they keep only their input for the backward pass.

    The backward pass recomputes all other values block by block, with the same number formats. If
    layers are deterministic, as those of this package are, the gradients are identical.

    Args:
        network: a network whose :class:`~ppgan_mpr.networks.spec.NetworkSpec` has
            ``recomputed_layers``; changed in place.

    Raises:
        UsageError: the network has no ``recomputed_layers``.
    """
    spec = spec_of(network)
    if spec is None or not spec.recomputed_layers:
        name = type(network).__name__
        raise UsageError(
            f"recompute is not for {name}, which has no recomputed_layers: leave it out, and set "
            "accumulate to save memory."
        )
    blocks = tuple(resolve(path) for path in spec.recomputed_layers)
    for layer in network.sublayers():
        if isinstance(layer, blocks):
            layer.forward = _Recomputed(layer, layer.forward)


class _Recomputed:
    """The forward pass of a layer that is recomputed during training."""

    def __init__(self, layer: paddle.nn.Layer, forward: Any) -> None:
        self._layer, self._forward = layer, forward
        # Only random layers need the generator's state; on a CPU PaddlePaddle 2 cannot restore it.
        self._random = any(isinstance(part, _RANDOM) for part in layer.sublayers(include_self=True))

    def __call__(self, *maps: paddle.Tensor) -> paddle.Tensor:
        if not (self._layer.training and paddle.is_grad_enabled()):
            return self._forward(*maps)
        from paddle.distributed.fleet.utils import recompute

        # The reentrant form runs a separate backward pass for each block. The gradients of a PReLU
        # that all blocks share would arrive one by one, which DataParallel does not support.
        return recompute(self._forward, *maps, use_reentrant=False, preserve_rng_state=self._random)
