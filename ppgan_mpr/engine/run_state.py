"""The state of a training run: everything that an exact continuation needs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle

from ..errors import UsageError
from ..metrics import ScoreTable
from ..weights.fitting import set_weights
from .data import TrainingData
from .ema import EMA
from .mpr_model import MPRModel
from .optimizer_state import optimizer_state, set_optimizer_state
from .precision import MixedPrecision

logger = logging.getLogger(__name__)


@dataclass
class RunState:
    """Everything that a checkpoint stores.

    Attributes:
        model: the network, the average of its weights, and the loss scale.
        optimizer: the network's optimizer, with the learning-rate schedule.
        data: the order of the training set, and the position in it.
        total_iters: length of the run, which the learning rate follows.
        seed: seed of the run.
        iteration: number of completely finished iterations.
        best_psnr: PSNR of the best validation so far in dB, or None.
        validated: the last iteration whose validation is finished.
        diverged: whether the run stopped because losses or gradients were not finite.
    """

    model: MPRModel
    optimizer: paddle.optimizer.Optimizer
    data: TrainingData
    total_iters: int
    seed: int = 0
    iteration: int = 0
    best_psnr: float | None = None
    validated: int = 0
    diverged: bool = False

    def finish_iteration(self) -> bool:
        """Count an iteration whose update is applied; afterwards it can be saved.

        Returns:
            Whether the next iteration has another batch size or patch size.
        """
        resized = self.data.advance()
        self.iteration += 1
        self.model.step.updating = False
        self.model.step.accumulate = self.data.accumulate
        return resized

    def take_scores(self, tables: Sequence[ScoreTable]) -> bool:
        """Record a finished validation; returns whether its PSNR is the best so far.

        Args:
            tables: the table of each protocol; the first one decides.
        """
        self.validated = self.iteration
        psnr = tables[0].mean()["psnr"] if tables else None
        if psnr is None or (self.best_psnr is not None and psnr <= self.best_psnr):
            return False
        self.best_psnr = psnr
        logger.info("Best so far: PSNR %.4f dB", psnr)
        return True

    def weights(self) -> dict[str, Any]:
        """The weights for release and evaluation, as the content of a file."""
        if self.model.ema:
            return {"generator": self.model.ema.state_dict()}
        return {"generator": MixedPrecision.weights(self.model.network, self.optimizer)}

    def state_dict(self) -> dict[str, Any]:
        """The content of a checkpoint, with PaddleGAN's names at the top."""
        state: dict[str, Any] = {
            "generator": self.model.network.state_dict(),
            "optim": optimizer_state(self.optimizer, self.model.network),
            "epoch": self.iteration,  # PaddleGAN's name for the iteration
            "training": {
                "data": self.data.sampler.state_dict(),
                "batch": self.data.batch,
                "best": self.best_psnr,
                "validated": self.validated,
                "loss_scale": self.model.step.precision.state_dict(),
                "total_iters": self.total_iters,
                "optimizer": type(self.optimizer).__name__,
                "diverged": self.diverged,
            },
        }
        if self.model.ema:
            state["ema"] = self.model.ema.state_dict()
            state["training"]["ema_updates"] = self.model.ema.updates
        return state

    def load_state_dict(self, state: Mapping[str, Any], source: str | Path) -> None:
        """Continue from the content of a checkpoint.

        Args:
            state: a result of :meth:`state_dict`.
            source: its file, for messages.

        Raises:
            WeightsError: the weights are those of another network.
            UsageError: the checkpoint is of PaddleGAN's own Trainer, which does not store the data
                order, or of another kind of optimizer.
        """
        training = state.get("training")
        self._check(training, source)
        assert training is not None  # checked by _check
        set_weights(self.model.network, state["generator"], str(source))
        set_optimizer_state(self.optimizer, self.model.network, state["optim"])
        if self.model.ema:
            self.model.ema = EMA(self.model.network, self.model.ema.decay)
            if "ema" in state:
                self.model.ema.set_state_dict(state["ema"], training["ema_updates"])
        self.model.step.precision.set_state_dict(training["loss_scale"])
        self.iteration = state["epoch"]
        self.data.go_to(self.iteration + 1)  # first: the position depends on the phase's batch size
        self.data.sampler.load_state_dict(training["data"])
        self.best_psnr = training["best"]
        self.validated = training.get("validated", self.iteration)
        self._report_changes(training)
        self.seed = self.model.seed = training["data"]["seed"]
        self.model.step.accumulate = self.data.accumulate

    def _check(self, training: Mapping[str, Any] | None, source: str | Path) -> None:
        if training is None:
            raise UsageError(
                f"{source} was not written by this trainer, so the run cannot be continued "
                f"exactly: start from its weights with load={str(source)!r}."
            )
        optimizer = type(self.optimizer).__name__
        if training.get("optimizer", optimizer) != optimizer:
            raise UsageError(
                f"{source} has the state of {training['optimizer']}, but optimizer.name is "
                f"{optimizer}: set optimizer.name={training['optimizer']}, or start from the "
                f"weights with load={str(source)!r}."
            )

    def _report_changes(self, training: Mapping[str, Any]) -> None:
        if self.seed != training["data"]["seed"]:
            logger.warning("Resuming with the seed of the run, %d", training["data"]["seed"])
        planned = training.get("total_iters", self.total_iters)
        if planned != self.total_iters:
            logger.warning(
                "total_iters was %d and is now %d: the learning rate follows the new length",
                planned,
                self.total_iters,
            )
        if training["batch"] != self.data.batch:
            logger.warning(
                "A batch had %d samples and now has %d; results will differ",
                training["batch"],
                self.data.batch,
            )
