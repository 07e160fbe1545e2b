"""The losses of the MPRNet paper (arXiv 2102.02808, section 3.4).

All of them compute in float32 whatever the type of their inputs, under automatic mixed
precision too: the square of a float16 difference below 2.4e-4 would vanish.
"""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ..errors import UsageError

_REDUCTIONS = {"mean": paddle.mean, "sum": paddle.sum, "none": lambda loss: loss}


class CharbonnierLoss(nn.Layer):
    """A smooth L1 loss: ``mean of √((pred − target)² + eps²)`` (eq. 2, per pixel and channel).

    Note that PaddleGAN's class of the same name sums by default and takes the root of
    ``(pred − target)² + eps``; here ``eps`` is the paper's ε.

    Args:
        eps: ε, the difference below which the loss turns from linear to quadratic.
        reduction: ``'mean'``, ``'sum'`` or ``'none'`` (a loss for every value).

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

    def forward(self, pred, target):
        """Compare two tensors of one shape; a float32 scalar (or, unreduced, that shape)."""
        with paddle.amp.auto_cast(enable=False):
            return self.of_difference(pred.astype("float32") - target.astype("float32"))

    def of_difference(self, difference):
        """The loss of a float32 difference that is already there."""
        loss = paddle.sqrt(difference * difference + self.eps**2)
        return _REDUCTIONS[self.reduction](loss)


class EdgeLoss(nn.Layer):
    """The Charbonnier loss between the edges of two pictures (eq. 3).

    ``L_edge = mean of √((Δ pred − Δ target)² + eps²)`` where Δ is a level of the Laplacian
    pyramid: a picture minus what is left of it after blurring with the 5×5 binomial-like
    kernel [.05 .25 .4 .25 .05], dropping every other row and column, and blurring again
    between zeros (times 4). The border is replicated.

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

    def forward(self, pred, target):
        """Compare [N, C, H, W] with [N, C, H, W]; a float32 scalar (unreduced: that shape)."""
        with paddle.amp.auto_cast(enable=False):
            # Δ is linear, so the difference of two Laplacians is one Laplacian.
            difference = pred.astype("float32") - target.astype("float32")
            return self.charbonnier.of_difference(self._laplacian(difference))

    def _laplacian(self, x):
        batch, channels, height, width = x.shape
        x = x.reshape([batch * channels, 1, height, width])  # every channel alike
        rows, columns = (paddle.arange(side) % 2 == 0 for side in (height, width))
        kept = paddle.logical_and(rows.unsqueeze(1), columns).astype(x.dtype)  # [H, W]
        coarse = self._blur(self._blur(x) * (4 * kept))
        return (x - coarse).reshape([batch, channels, height, width])

    def _blur(self, x):
        return F.conv2d(F.pad(x, [2, 2, 2, 2], mode="replicate"), self.kernel)


class MultiStageLoss(nn.Layer):
    """What MPRNet is trained with: the losses of all stages, added up (eq. 1).

    ``L = Σₛ [ L_char(Xₛ, Y) + edge_weight · L_edge(Xₛ, Y) ]``, stages s = 1, 2, 3.

    Args:
        char_criterion: L_char; the default is ``CharbonnierLoss()``.
        edge_criterion: L_edge; None leaves it out, as the paper does for denoising.
        edge_weight: λ of eq. 1.
        clip_output: clamp the stages' pictures to [0, 1] first, as the authors do for
            denoising; values beyond get no gradient.

    Example:
        >>> criterion = MultiStageLoss(edge_criterion=EdgeLoss())        # doctest: +SKIP
        >>> per_stage = criterion.per_stage(network(blurred), sharp)     # doctest: +SKIP
        >>> sum(per_stage).backward()                                    # doctest: +SKIP
    """

    def __init__(
        self,
        char_criterion=None,
        edge_criterion=None,
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

    def forward(self, stages, target):
        """Loss of the list of pictures that a network returns, each [N, C, H, W]; a scalar."""
        return sum(self.per_stage(stages, target))

    def per_stage(self, stages, target) -> list:
        """The terms of the sum, one for each stage, in the order of ``stages``."""
        return [self._stage(stage, target) for stage in stages]

    def _stage(self, restored, target):
        if self.clip_output:
            restored = restored.clip(0, 1)
        loss = self.char_criterion(restored, target)
        if self.edge_criterion is not None:
            loss = loss + self.edge_weight * self.edge_criterion(restored, target)
        return loss
