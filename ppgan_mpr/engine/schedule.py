"""The paper's learning rate: a linear warm-up, then one half period of a cosine."""

from __future__ import annotations

import math

from paddle.optimizer.lr import LRScheduler

from ..errors import UsageError


class WarmupCosine(LRScheduler):
    """Linear warm-up to ``learning_rate``, then cosine annealing to ``eta_min``.

    With t counted in iterations from 0, W = ``warmup_iters`` and T = ``total_iters``::

        t < W:   learning_rate · (t + 1) / W
        t ≥ W:   eta_min + (learning_rate - eta_min) · (1 + cos(π (t - W) / (T - W))) / 2

    The cosine is SGDR's without restarts (arXiv 1608.03983, eq. 5); MPRNet was trained
    with it (arXiv 2102.02808, section 4.2).

    Args:
        learning_rate: the peak.
        warmup_iters: length W of the warm-up in iterations.
        total_iters: length T of the run in iterations; None takes the run's own.
        eta_min: where the cosine ends, and stays.
        last_epoch: where to continue, as in ``paddle.optimizer.lr.LRScheduler``.

    Raises:
        UsageError: the warm-up does not fit into the run.
    """

    def __init__(
        self,
        learning_rate: float,
        warmup_iters: int = 0,
        total_iters: int | None = None,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.warmup_iters = warmup_iters
        self.eta_min = eta_min
        self.total_iters = total_iters
        super().__init__(learning_rate, last_epoch)

    def span(self, total_iters: int) -> None:
        """Stretch the schedule over a run of ``total_iters``, unless it has its own length."""
        if self.total_iters is None:
            self.total_iters = total_iters
        if not 0 <= self.warmup_iters <= self.total_iters:
            raise UsageError(
                f"lr_scheduler.warmup_iters is {self.warmup_iters}, but the run has only "
                f"{self.total_iters} iterations: shorten the warm-up."
            )
        self.last_lr = self.get_lr()

    def get_lr(self) -> float:
        """The learning rate of the present iteration."""
        step = max(self.last_epoch, 0)
        if step < self.warmup_iters:
            return self.base_lr * (step + 1) / self.warmup_iters
        if self.total_iters is None:  # not spanned yet
            return self.base_lr
        cosine_iters = max(self.total_iters - self.warmup_iters, 1)
        progress = min((step - self.warmup_iters) / cosine_iters, 1.0)
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * progress)) / 2
