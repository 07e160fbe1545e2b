"""One update of the weights: gradients of a batch, guarded, clipped and applied."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Callable

import numpy as np
import paddle

from ..errors import RestorationError
from . import processes
from .options import COUNT, POSITIVE_OR_NULL
from .precision import MixedPrecision

Objective = Callable[[Any, paddle.Tensor], "dict[str, paddle.Tensor]"]


class DivergedError(RestorationError, ArithmeticError):
    """Loss or gradients were not finite for many iterations in a row."""


class GradientStep:
    """From a batch to updated weights.

    Args:
        accumulate: cut the batch into so many slices that pass through the network one
            after the other. The update is that of the whole batch, in less memory.
        clip_grad_norm: scale the gradient down to this Euclidean norm; None leaves it.
        precision: number formats; float32 when None.
        patience: consecutive batches with a non-finite loss or gradient that are skipped
            before :class:`DivergedError`.

    Attributes:
        skipped: batches skipped since the last that was not.
        updating: True from the moment an update begins; the trainer sets it to False when
            everything that belongs to the same iteration is done.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        accumulate: int = 1,
        clip_grad_norm: float | None = None,
        precision: MixedPrecision | None = None,
        patience: int = 20,
    ) -> None:
        self.accumulate = COUNT.check("accumulate", accumulate)
        self.clip_grad_norm = POSITIVE_OR_NULL.check("clip_grad_norm", clip_grad_norm)
        self.precision = precision or MixedPrecision()
        self.patience = patience
        self.skipped = 0
        self.updating = False

    def __call__(
        self,
        network: paddle.nn.Layer,
        optimizer: paddle.optimizer.Optimizer,
        objective: Objective,
        degraded: paddle.Tensor,
        target: paddle.Tensor,
    ) -> tuple[dict[str, float], paddle.Tensor]:
        """Update ``network`` on one batch.

        Args:
            network: a ``paddle.nn.Layer`` or a ``paddle.DataParallel`` around one.
            optimizer: over its parameters.
            objective: ``(outputs, target) -> dict`` of scalar tensors; the one named
                ``loss`` is minimised.
            degraded: [N, C, H, W].
            target: [N, C, H, W].

        Returns:
            The objective's values over the batch as floats, with the gradient's norm as
            ``grad_norm``, and the network's main output for the last slice, [n, C, H, W].

        Raises:
            DivergedError: the batch was the last of too many non-finite ones. The weights
                are those before the first of them.
        """
        sums: dict[str, paddle.Tensor] = {}
        count = min(self.accumulate, len(degraded))
        slices = np.array_split(np.arange(len(degraded)), count)
        for number, picked in enumerate(slices, start=1):
            part = slice(int(picked[0]), int(picked[-1]) + 1)
            weight = len(picked) / len(degraded)
            # Processes exchange gradients once, after the last slice.
            alone = isinstance(network, paddle.DataParallel) and number < count
            with network.no_sync() if alone else nullcontext():
                with self.precision.autocast():
                    outputs = network(degraded[part])
                values = objective(outputs, target[part])
                self.precision.backward(values["loss"] * weight)
            for name, value in values.items():
                share = weight * value.detach().astype("float32")
                sums[name] = sums[name] + share if name in sums else share
        norm = self._update(network, optimizer, sums["loss"])
        # Read together and after the update: every reading waits for the device.
        losses = dict(zip(sums, map(float, paddle.stack(list(sums.values())).numpy())))
        losses["grad_norm"] = norm
        restored = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        return losses, restored.detach()

    @paddle.no_grad()
    def _update(
        self,
        network: paddle.nn.Layer,
        optimizer: paddle.optimizer.Optimizer,
        loss: paddle.Tensor,
    ) -> float:
        self.precision.unscale(optimizer)
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        norm = _global_norm(gradients)
        # A clipped output that is not a number has no gradient: only the loss shows it.
        finite = not processes.in_any(not np.isfinite([norm, float(loss)]).all())
        if finite and self.clip_grad_norm and norm > self.clip_grad_norm:
            for gradient in gradients:
                gradient.scale_(self.clip_grad_norm / norm)
        self.updating = True
        self.precision.update(optimizer, finite)
        optimizer.clear_grad()
        self.skipped = 0 if finite else self.skipped + 1
        if self.skipped > self.patience:
            raise DivergedError(
                f"Loss or gradient was not finite for {self.skipped} iterations in a row: lower "
                "the learning rate, set clip_grad_norm, or look for broken pictures in the data."
            )
        return norm


@paddle.no_grad()
def _global_norm(gradients: list[paddle.Tensor]) -> float:
    squares = [gradient.astype("float32").square().sum() for gradient in gradients]
    return float(paddle.add_n(squares)) ** 0.5
