"""Saving and resuming: checkpoints, and weights alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import paddle

from ..errors import UsageError
from ..weights import load_weights
from ..weights.catalogue import record_of_name
from ..weights.loading import check_record_fits, set_weights
from . import checkpoint as ckpt
from .config import AttrDict
from .data import TrainingData
from .ema import EMA
from .mpr_model import MPRModel
from .precision import MixedPrecision
from .schedule import WarmupCosine

logger = logging.getLogger(__name__)


class Saving:
    """The part of the :class:`~ppgan_mpr.engine.trainer.Trainer` that writes and reads files."""

    # Attributes that the trainer sets
    cfg: AttrDict
    model: MPRModel
    network: paddle.nn.Layer
    optimizers: dict[str, paddle.optimizer.Optimizer]
    lr_schedulers: Any
    data: TrainingData
    ema: EMA | None
    rank: int
    output_dir: str
    current_iter: int
    done_iter: int
    best_psnr: float | None
    _planned_iters: int
    _saved_iter: int
    _validated_iter: int
    _loaded: str | None

    def save(self, epoch: int, name: str = "checkpoint", keep: int = 1) -> None:
        """Write ``iter_N_checkpoint.pdparams`` or the small ``iter_N_weight.pdparams``.

        Called by PaddleGAN's loop. How many are kept is ``snapshot_config.keep``.
        """
        if self.rank == 0:
            self._write(self._path(name), name)
            ckpt.prune(Path(self.output_dir), name, self.cfg.snapshot_config.get("keep", 3))
        self._saved_iter = self.current_iter

    def _snapshot(self, iteration: int) -> None:
        self.current_iter = iteration
        self.save(iteration, "weight")
        self.save(iteration, "checkpoint")

    def _rescue(self) -> None:
        """Save what was trained before an error."""
        if self.done_iter == self._saved_iter:
            return
        if self.model.step.updating:
            logger.error(
                "Stopped by an error in the middle of an update, which cannot be saved: resume "
                "from the newest checkpoint in %s",
                self.output_dir,
            )
            return
        try:
            self._snapshot(self.done_iter)
        except UsageError as error:
            logger.error("%s", error)
        else:
            logger.error("Stopped by an error after saving %s", self._path("checkpoint"))

    def _path(self, kind: str, iteration: int | None = None) -> Path:
        number = self.current_iter if iteration is None else iteration
        return Path(self.output_dir) / f"iter_{number}_{kind}.pdparams"

    def _write(self, path: Path, kind: str) -> None:
        if self.rank == 0:
            ckpt.write_state(path, self._weights() if kind == "weight" else self._state())

    def _weights(self) -> dict[str, Any]:
        """The weights to release and evaluate."""
        if self.ema:
            return {"generator": self.ema.state_dict()}
        return {"generator": MixedPrecision.weights(self.network, self.optimizers["optim"])}

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "generator": self.network.state_dict(),
            "optim": ckpt.optimizer_state(self.optimizers["optim"], self.network),
            "epoch": self.current_iter,  # PaddleGAN's name for the iteration
            "training": {
                "data": self.data.sampler.state_dict(),
                "batch": self.data.batch,
                "best": self.best_psnr,
                "validated": self._validated_iter,
                "loss_scale": self.model.step.precision.state_dict(),
                "total_iters": self._planned_iters,
                "optimizer": type(self.optimizers["optim"]).__name__,
            },
        }
        if self.ema:
            state["ema"] = self.ema.state_dict()
            state["training"]["ema_updates"] = self.ema.updates
        return state

    def _go_to(self, iteration: int) -> None:
        raise NotImplementedError

    def resume(self, checkpoint_path: str | Path) -> None:
        """Continue a run exactly where its checkpoint was written.

        Raises:
            WeightsError: not a readable training checkpoint, or one of another network.
            UsageError: a checkpoint of PaddleGAN's own Trainer, which lacks the data order, or
                one with the state of another kind of optimizer.
        """
        state = ckpt.read_state(Path(checkpoint_path))
        training = state.get("training")
        if training is None:
            raise UsageError(
                f"{checkpoint_path} was not written by this trainer, so the run cannot be "
                f"continued exactly: start from its weights with load={str(checkpoint_path)!r}."
            )
        optimizer = type(self.optimizers["optim"]).__name__
        if training.get("optimizer", optimizer) != optimizer:
            raise UsageError(
                f"{checkpoint_path} holds the state of {training['optimizer']}, but "
                f"optimizer.name is {optimizer}: set optimizer.name={training['optimizer']}, or "
                f"start from the weights with load={str(checkpoint_path)!r}."
            )
        _fit(self.network, state["generator"], checkpoint_path)
        ckpt.set_optimizer_state(self.optimizers["optim"], self.network, state["optim"])
        if self.ema:
            self.ema = EMA(self.network, self.cfg.ema_decay)
            if "ema" in state:
                self.ema.set_state_dict(state["ema"], training["ema_updates"])
        self.model.step.precision.set_state_dict(training["loss_scale"])
        self.best_psnr = training["best"]
        self._saved_iter = self.done_iter = state["epoch"]
        self._validated_iter = training.get("validated", state["epoch"])
        self.current_iter = state["epoch"] + 1
        self._go_to(self.current_iter)
        self.data.sampler.load_state_dict(training["data"])
        if self.cfg.seed != training["data"]["seed"]:
            self.cfg.seed = training["data"]["seed"]
            logger.warning("Resuming with the seed of the run, %d", self.cfg.seed)
        if isinstance(self.lr_schedulers, WarmupCosine):
            # The state holds the rate of a schedule of the length that the run had then.
            self.lr_schedulers.last_lr = self.lr_schedulers.get_lr()
        planned = training.get("total_iters", self._planned_iters)
        if planned != self._planned_iters:
            logger.warning(
                "total_iters was %d and is %d now: the learning rate follows the new length",
                planned,
                self._planned_iters,
            )
        if training["batch"] != self.data.batch:
            logger.warning(
                "A batch had %d samples and has %d now; results will differ",
                training["batch"],
                self.data.batch,
            )
        if self.rank == 0:
            ckpt.sweep(Path(self.output_dir))
        logger.info("Resumed %s at iteration %d", checkpoint_path, self.current_iter)

    def load(self, weight_path: str | Path) -> None:
        """Start from weights: a file of any supported format, or a name of the catalogue.

        Raises:
            RestorationError: the weights cannot be read or downloaded, or do not fit the network.
        """
        record = record_of_name(str(weight_path))
        if record:
            check_record_fits(record, self.network)  # before a download
        weights = load_weights(weight_path)
        set_weights(self.network, weights.tensors, weights.source)
        self._loaded = str(weight_path)
        if self.cfg.is_train and self.ema:
            self.ema = EMA(self.network, self.cfg.ema_decay)
        logger.info("Loaded weights from %s", weight_path)


def _fit(network: paddle.nn.Layer, tensors: dict[str, Any], source: str | Path) -> None:
    """Give the network weights, with a clear error where they do not fit."""
    set_weights(network, tensors, str(source))
