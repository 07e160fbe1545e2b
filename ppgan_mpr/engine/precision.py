"""Automatic mixed precision: bfloat16, or float16 with a scaled loss."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import Any, Literal

import paddle

from . import gpu
from .options import AMP_DTYPE, AMP_LEVEL

logger = logging.getLogger(__name__)

Level = Literal["O1", "O2"]
DType = Literal["auto", "bfloat16", "float16"]


class MixedPrecision:
    """The number formats of forward pass, backward pass and update.

    Paddle computes in mixed precision on GPUs only; on a CPU everything stays float32.

    Args:
        level: ``"O1"`` casts the operations that benefit, ``"O2"`` the whole network (the
            optimizer then keeps float32 master weights); None is plain float32.
        dtype: ``"bfloat16"``, ``"float16"`` with dynamic loss scaling, or ``"auto"`` for bfloat16
            if the GPU supports it and float16 otherwise.

    Attributes:
        level: the level in use; None on a CPU.
        dtype: ``"bfloat16"`` or ``"float16"``.
        scaler: scales the loss for float16, or None.

    Raises:
        UsageError: unknown level or dtype.
    """

    def __init__(self, level: Level | None = None, dtype: DType = "auto") -> None:
        if level is not None:
            AMP_LEVEL.check("amp_level", level)
        AMP_DTYPE.check("amp_dtype", dtype)
        if level and not gpu.is_used():
            logger.warning(
                "Mixed precision needs a GPU: training in float32 on %s.", paddle.get_device()
            )
            level = None
        self.level: Level | None = level
        if dtype == "auto":
            has_bfloat16 = level is None or paddle.amp.is_bfloat16_supported()
            dtype = "bfloat16" if has_bfloat16 else "float16"
        self.dtype: Literal["bfloat16", "float16"] = dtype
        scaling = level is not None and dtype == "float16"
        self.scaler = paddle.amp.GradScaler(decr_every_n_nan_or_inf=1) if scaling else None

    @property
    def of_weights(self) -> str:
        """The format of the network's weights and of scoring: ``f32``, except with ``O2``."""
        return {"bfloat16": "bf16", "float16": "f16"}[self.dtype] if self.level == "O2" else "f32"

    def decorate(self, network: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer) -> None:
        """Cast the network for ``O2``; call it once, before training."""
        if self.level == "O2":
            paddle.amp.decorate(
                network, optimizer, level="O2", dtype=self.dtype, save_dtype="float32"
            )

    def autocast(self, training: bool = True) -> AbstractContextManager[None]:
        """The context in which the network runs.

        Scoring computes in float32, like later restorations with the weights, unless the network
        itself is in 16 bits.
        """
        enable = self.level == "O2" or (self.level == "O1" and training)
        return paddle.amp.auto_cast(enable=enable, level=self.level or "O1", dtype=self.dtype)

    def backward(self, loss: paddle.Tensor) -> None:
        """Backpropagate the loss, scaled for float16."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def unscale(self, optimizer: paddle.optimizer.Optimizer) -> None:
        """Undo the loss scaling of the gradients, before they are measured or clipped."""
        if self.scaler:
            self.scaler.unscale_(optimizer)

    def update(self, optimizer: paddle.optimizer.Optimizer, finite: bool) -> None:
        """Step the optimizer if the gradients are finite, and adapt the loss scale."""
        if not self.scaler:
            if finite:
                optimizer.step()
            return
        if finite:
            self.scaler.step(optimizer)
        self.scaler.update()

    @staticmethod
    def weights(
        network: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer
    ) -> dict[str, paddle.Tensor]:
        """The network's state dict, with the float32 master weights of ``O2`` if there are any."""
        state = network.state_dict()
        masters = optimizer.state_dict().get("master_weights", {})
        for name, parameter in network.named_parameters():
            if parameter.name in masters:
                state[name] = masters[parameter.name]
        return state

    def state_dict(self) -> Any:
        """The state of the loss scaling; empty without scaling."""
        return self.scaler.state_dict() if self.scaler else {}

    def set_state_dict(self, state: Any) -> None:
        """Load a state of :meth:`state_dict`."""
        if self.scaler and state:
            self.scaler.load_state_dict(state)
