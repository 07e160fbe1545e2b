"""One update of the weights: computes, checks, clips and applies the gradients of a batch."""

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
    """Updates a network's weights on a batch.

    Args:
        accumulate: number of slices of a batch that pass through the network one after the
            other. The update equals that of the whole batch, in less memory.
        clip_grad_norm: largest Euclidean norm of the gradient; None does not clip.
        precision: number formats; None is float32.
        patience: number of consecutive batches with a non-finite loss or gradient that are
            skipped before :class:`DivergedError` is raised.

    Attributes:
        skipped: number of consecutive skipped batches.
        updating: set to True just before the gradients are applied or skipped. The trainer sets it
            to False when the iteration is completely finished.
        signal: number of a signal that this process has received, or 0. An update sets it to the
            largest number of all processes, so that all of them know of the signal.

    Raises:
        UsageError: an argument is out of range.
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
        self.signal = 0

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
            optimizer: the optimizer of its parameters.
            objective: ``(outputs, target) -> dict`` of scalar tensors; ``loss`` is minimised.
            degraded: [N, C, H, W].
            target: [N, C, H, W].

        Returns:
            The objective's values over the batch as floats, with the gradient's norm as
            ``grad_norm``, and the network's main output for the last slice, [n, C, H, W].

        Raises:
            DivergedError: too many consecutive batches were not finite. The weights are those
                before the first of them.
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
        self.precision.unscale(optimizer)
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        losses, finite = self._measure(sums, gradients)
        self._update(optimizer, gradients, losses["grad_norm"], finite)
        restored = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        return losses, restored.detach()

    @paddle.no_grad()
    def _measure(
        self, sums: dict[str, paddle.Tensor], gradients: list[paddle.Tensor]
    ) -> tuple[dict[str, float], bool]:
        """The losses and the gradient's norm, and whether they are finite in all processes.

        All values that the host needs are copied at once, because every copy waits until the device
        has finished its work.
        """
        squares = paddle.add_n(
            [gradient.astype("float32").square().sum() for gradient in gradients]
        )
        # Clipping outputs to [0, 1] gives NaN a zero gradient, so the loss is checked, too.
        finite = paddle.isfinite(squares) & paddle.isfinite(sums["loss"])
        news = paddle.stack([1 - finite.astype("float32"), paddle.full([], float(self.signal))])
        shared = processes.largest_of_each(news)
        *values, square, broken, signal = map(
            float, paddle.concat([paddle.stack([*sums.values(), squares]), shared]).numpy()
        )
        self.signal = int(signal)
        return {**dict(zip(sums, values)), "grad_norm": square**0.5}, not broken

    @paddle.no_grad()
    def _update(
        self,
        optimizer: paddle.optimizer.Optimizer,
        gradients: list[paddle.Tensor],
        norm: float,
        finite: bool,
    ) -> None:
        """Clip and apply the gradients, or skip the update."""
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
