"""Training losses: the Charbonnier and edge losses of the MPRNet paper, and the PSNR as a loss.

They always compute in float32, even under automatic mixed precision, because the square of a
float16 difference below about 1.7e-4 is rounded to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ..errors import UsageError

_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": paddle.mean,
    "sum": paddle.sum,
    "none": lambda loss: loss,
}


class PSNRLoss(nn.Layer):
    """The negative PSNR in dB of pictures in [0, 1], averaged over a batch.

    It is ``10 · log₁₀(MSE + 1e-8)`` for each picture, the loss of NAFNet (arXiv 2204.04676).

    Args:
        loss_weight: factor.
    """

    def __init__(self, loss_weight: float = 1.0):
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """The loss of two batches [N, C, H, W]: a float32 scalar."""
        with paddle.amp.auto_cast(enable=False):
            difference = pred.astype("float32") - target.astype("float32")
            errors = difference.square().mean([1, 2, 3])  # [N]
            return self.loss_weight * 10 * paddle.log10(errors + 1e-8).mean()


class CharbonnierLoss(nn.Layer):
    """The Charbonnier loss, a smooth L1 loss: the mean of ``√((pred − target)² + eps²)``.

    Eq. 2 of MPRNet's paper (arXiv 2102.02808), for each pixel and channel. PaddleGAN's class of
    the same name sums by default and takes the root of ``(pred − target)² + eps``; here ``eps``
    is the paper's ε.

    Args:
        eps: ε; the loss is nearly quadratic for smaller differences, nearly linear for larger.
        reduction: ``'mean'``, ``'sum'`` or ``'none'`` (one loss for every value).

    Raises:
        UsageError: an unknown reduction.
    """

    def __init__(self, eps: float = 1e-3, reduction: str = "mean"):
        super().__init__()
        if reduction not in _REDUCTIONS:
            raise UsageError(
                f"CharbonnierLoss cannot reduce by {reduction!r}: "
                f"use one of {', '.join(_REDUCTIONS)}"
            )
        self.eps = eps
        self.reduction = reduction

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """The loss of two tensors of one shape: a float32 scalar, or that shape if unreduced."""
        with paddle.amp.auto_cast(enable=False):
            return self.of_difference(pred.astype("float32") - target.astype("float32"))

    def of_difference(self, difference: Tensor) -> Tensor:
        """The loss of ``pred − target``, given as one float32 tensor."""
        loss = paddle.sqrt(difference * difference + self.eps**2)
        return _REDUCTIONS[self.reduction](loss)


class EdgeLoss(nn.Layer):
    """The Charbonnier loss between the edges of two pictures (eq. 3 of MPRNet's paper).

    ``L_edge = mean of √((Δ pred − Δ target)² + eps²)`` where Δ is one level of a Laplacian
    pyramid: the picture minus its low-pass version. For the low-pass version, the picture is
    blurred with the kernel [.05 .25 .4 .25 .05] in both directions. Then every other row and
    column is set to zero, and the rest is multiplied by 4 and blurred again. Borders are
    replicated.

    Args:
        eps: ε of the Charbonnier loss.
        reduction: as in :class:`CharbonnierLoss`.
    """

    def __init__(self, eps: float = 1e-3, reduction: str = "mean"):
        super().__init__()
        self.charbonnier = CharbonnierLoss(eps, reduction)
        taps = np.array([0.05, 0.25, 0.4, 0.25, 0.05], "float32")
        kernel = paddle.to_tensor(np.outer(taps, taps)[None, None])  # [1, 1, 5, 5]
        self.register_buffer("kernel", kernel, persistable=False)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """The loss of two batches [N, C, H, W]: a float32 scalar, or that shape if unreduced."""
        with paddle.amp.auto_cast(enable=False):
            # Δ is linear, so the difference of two Laplacians is one Laplacian.
            difference = pred.astype("float32") - target.astype("float32")
            return self.charbonnier.of_difference(self._laplacian(difference))

    def _laplacian(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        x = x.reshape([batch * channels, 1, height, width])  # one channel per map
        rows, columns = (paddle.arange(side) % 2 == 0 for side in (height, width))
        even = paddle.logical_and(rows.unsqueeze(1), columns).astype(x.dtype)  # [H, W]
        coarse = self._blur(self._blur(x) * (4 * even))
        return (x - coarse).reshape([batch, channels, height, width])

    def _blur(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, [2, 2, 2, 2], mode="replicate"), self.kernel)


class MultiStageLoss(nn.Layer):
    """MPRNet's training loss: the sum of the losses of all stages (eq. 1).

    ``L = Σₛ [ L_char(Xₛ, Y) + edge_weight · L_edge(Xₛ, Y) ]``, stages s = 1, 2, 3.

    Args:
        char_criterion: L_char; the default is ``CharbonnierLoss()``.
        edge_criterion: L_edge; None leaves it out, as the paper does for denoising.
        edge_weight: λ of eq. 1.
        clip_output: clip the stages' pictures to [0, 1] first, as the authors do for
            denoising; values outside get no gradient.

    Example:
        >>> criterion = MultiStageLoss(edge_criterion=EdgeLoss())        # doctest: +SKIP
        >>> per_stage = criterion.per_stage(network(blurred), sharp)     # doctest: +SKIP
        >>> sum(per_stage).backward()                                    # doctest: +SKIP
    """

    def __init__(
        self,
        char_criterion: nn.Layer | None = None,
        edge_criterion: nn.Layer | None = None,
        edge_weight: float = 0.05,
        clip_output: bool = False,
    ):
        super().__init__()
        self.char_criterion = char_criterion or CharbonnierLoss()
        self.edge_criterion = edge_criterion
        self.edge_weight = edge_weight
        self.clip_output = clip_output

    @property
    def sums(self) -> bool:
        """Whether a batch's loss is the sum of its pictures' losses, not their mean."""
        criterions = (self.char_criterion, self.edge_criterion)
        return any(getattr(criterion, "reduction", "mean") == "sum" for criterion in criterions)

    def forward(self, stages: Sequence[Tensor], target: Tensor) -> Tensor:
        """The loss of the list of pictures [N, C, H, W] that a network returns: a scalar."""
        return sum(self.per_stage(stages, target))

    def per_stage(self, stages: Sequence[Tensor], target: Tensor) -> list[Tensor]:
        """The terms of the sum, one for each stage, in the order of ``stages``."""
        return [self._stage(stage, target) for stage in stages]

    def _stage(self, restored: Tensor, target: Tensor) -> Tensor:
        if self.clip_output:
            restored = restored.clip(0, 1)
        loss = self.char_criterion(restored, target)
        if self.edge_criterion is not None:
            loss = loss + self.edge_weight * self.edge_criterion(restored, target)
        return loss
