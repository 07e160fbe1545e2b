"""Learning-rate schedules of published recipes: warm-up and one cosine, or several cosines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

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
        total_iters: length T of the schedule in iterations; None uses the length of the run.
        eta_min: learning rate at the end of the cosine and afterwards.
        last_epoch: iteration to continue from, as in ``paddle.optimizer.lr.LRScheduler``.

    Raises:
        UsageError: the warm-up does not fit into the schedule.
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
                f"lr_scheduler.warmup_iters is {self.warmup_iters}, but the schedule has only "
                f"{self.total_iters} iterations: shorten the warm-up."
            )
        self.last_lr = self.get_lr()

    def get_lr(self) -> float:
        """The learning rate of the present iteration."""
        step = max(self.last_epoch, 0)
        if step < self.warmup_iters:
            return self.base_lr * (step + 1) / self.warmup_iters
        if self.total_iters is None:  # before span()
            return self.base_lr
        cosine_iters = max(self.total_iters - self.warmup_iters, 1)
        progress = min((step - self.warmup_iters) / cosine_iters, 1.0)
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * progress)) / 2


class CosineAnnealingRestartCyclicLR(LRScheduler):
    """Several half cosines one after the other, each with its own minimum.

    With t counted in iterations from 0, and for period k of length Tₖ that begins at t₀ₖ::

        eta_minₖ + weightₖ · (learning_rate - eta_minₖ) · (1 + cos(π (t - t₀ₖ) / Tₖ)) / 2

    The class and its options are named as in the training code of Restormer and MIRNet-v2 (arXiv
    2111.09881, 2205.01649). As there, the iteration with t - t₀ₖ = Tₖ belongs to period k. A
    minimum above ``learning_rate`` makes the rate rise: in the training of MIRNet-v2 it rises from
    2e-4 to 3e-4, then restarts at 2e-4 and falls to 1e-6.

    Args:
        learning_rate: learning rate at the start of every period of weight 1.
        periods: lengths of the periods in iterations.
        restart_weights: weight of each period.
        eta_mins: learning rate at the end of each period; the last one stays until the run ends.
        last_epoch: iteration to continue from, as in ``paddle.optimizer.lr.LRScheduler``.

    Raises:
        UsageError: the lists differ in length, or a period is not a positive number.
    """

    def __init__(
        self,
        learning_rate: float,
        periods: Sequence[int],
        restart_weights: Sequence[float] = (1.0,),
        eta_mins: Sequence[float] = (0.0,),
        last_epoch: int = -1,
    ) -> None:
        if not len(periods) == len(restart_weights) == len(eta_mins) > 0:
            raise UsageError(
                f"lr_scheduler has {len(periods)} periods, {len(restart_weights)} restart_weights "
                f"and {len(eta_mins)} eta_mins: give one of each for every period."
            )
        if min(periods) < 1:
            raise UsageError(
                f"lr_scheduler.periods is {list(periods)}: give numbers of at least 1."
            )
        # Plain lists, as checkpoints store them.
        self.periods = list(periods)
        self.restart_weights = [float(weight) for weight in restart_weights]
        self.eta_mins = [float(eta_min) for eta_min in eta_mins]
        super().__init__(learning_rate, last_epoch)

    def get_lr(self) -> float:
        """The learning rate of the present iteration."""
        step = max(self.last_epoch, 0)
        ends = list(itertools.accumulate(self.periods))
        period = next((k for k, end in enumerate(ends) if step <= end), len(ends) - 1)
        begin = ends[period] - self.periods[period]
        progress = min((step - begin) / self.periods[period], 1.0)
        eta_min, weight = self.eta_mins[period], self.restart_weights[period]
        return eta_min + weight * (self.base_lr - eta_min) * (1 + math.cos(math.pi * progress)) / 2
