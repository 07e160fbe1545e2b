"""Builds model, training data and optimizer of a configuration, with PaddleGAN's builders."""

from __future__ import annotations

import copy
import logging
from typing import Any, NamedTuple

import paddle

from ..errors import UsageError
from ..ppgan_compat import import_ppgan
from . import processes
from .batches import BatchPlan, plan_batches
from .config import AttrDict
from .data import TrainingData, seed_everything
from .mpr_model import MPRModel
from .precision import MixedPrecision
from .progressive import Progressive

_build_dataset = import_ppgan("ppgan.datasets.builder").build_dataset
_build_model = import_ppgan("ppgan.models.builder").build_model

logger = logging.getLogger(__name__)


def build_model(cfg: AttrDict) -> MPRModel:
    """Build the model, with random weights that depend only on the seed.

    Raises:
        UsageError: the configuration names a model other than an MPRModel.
    """
    paddle.seed(seed_everything(cfg.seed))
    model = _build_model(cfg.model)
    if not isinstance(model, MPRModel):
        raise UsageError(
            f"model.name is {cfg.model.name}, but this Trainer trains MPRModel only: train other "
            "models with PaddleGAN's own scripts."
        )
    if processes.count() > 1:
        paddle.distributed.init_parallel_env()
        model.nets["generator"] = paddle.DataParallel(
            model.nets["generator"],
            find_unused_parameters=cfg.get("find_unused_parameters", False),
        )
    return model


def build_training_data(cfg: AttrDict) -> TrainingData:
    """Build the training data with the batches of this process.

    Raises:
        UsageError: the batches are impossible, or the data set cannot be read.
    """
    settings = copy.deepcopy(cfg.dataset.train)
    progressive = Progressive.take_from(settings, processes.count(), cfg.accumulate)
    if progressive and cfg.get("epochs"):
        raise UsageError(
            "dataset.train.progressive counts iterations: give total_iters instead of epochs."
        )
    batches = _plan(cfg, settings, progressive)
    loading = {
        key: settings.pop(key)
        for key in ("batch_size", "num_workers", "use_shared_memory")
        if key in settings
    }
    return TrainingData(
        _build_dataset(settings),
        {**loading, "batch_size": batches.batch_size},
        cfg.seed,
        processes.rank(),
        processes.count(),
        progressive,
        batches.accumulate,
    )


def _plan(cfg: AttrDict, settings: dict[str, Any], progressive: Progressive | None) -> BatchPlan:
    planned = {**cfg, "dataset": {"train": settings}}
    return plan_batches(planned, processes.count(), progressive is not None)


def configure(model: MPRModel, cfg: AttrDict, accumulate: int) -> None:
    """Set the options of a model that determine how its network is updated.

    Raises:
        UsageError: options exclude one another.
    """
    model.configure(
        accumulate=accumulate,
        clip_grad_norm=cfg.clip_grad_norm,
        ema_decay=cfg.ema_decay,
        mixup=cfg.mixup,
        precision=MixedPrecision(cfg.amp_level if cfg.amp else None, cfg.amp_dtype),
        recompute=cfg.recompute,
        seed=cfg.seed,
    )


def build_optimizer(
    cfg: AttrDict, model: MPRModel, data: TrainingData, total_iters: int
) -> paddle.optimizer.Optimizer:
    """Build the optimizer of a model, with a learning-rate schedule over the whole run.

    Args:
        cfg: the configuration.
        model: the model, which also gets the schedule.
        data: the training data, for schedules that count passes over the data.
        total_iters: length of the run.
    """
    if "iters_per_epoch" in cfg.lr_scheduler:  # PaddleGAN's LinearDecay
        cfg.lr_scheduler.iters_per_epoch = data.iters_per_epoch
    schedule = model.setup_lr_schedulers(cfg.lr_scheduler)
    optimizer = model.setup_optimizers(schedule, cfg.optimizer)["optim"]
    model.set_total_iter(total_iters)
    return optimizer


class Intervals(NamedTuple):
    """Iterations from one log line, preview, snapshot or validation to the next; 0 for never."""

    log: int
    preview: int
    snapshot: int
    validation: int


def intervals(cfg: AttrDict, iters_per_epoch: int) -> Intervals:
    """Read the intervals; with ``epochs``, the interval of snapshots counts epochs."""
    logs, validate = cfg.log_config, cfg.get("validate") or {}
    if validate.get("local"):
        logger.warning("validate.local applies when weights are scored, not during training")
    return Intervals(
        logs.interval,
        logs.visiual_interval,
        cfg.snapshot_config.interval * (iters_per_epoch if cfg.get("epochs") else 1),
        max(validate.get("interval", 0), 0),
    )


def is_due(interval: int, iteration: int) -> bool:
    """Whether an action with this interval is due after this iteration."""
    return interval > 0 and iteration % interval == 0


def length_of_run(cfg: AttrDict, iters_per_epoch: int) -> int:
    """Iterations of the run, from ``epochs`` (passes over the data) or ``total_iters``."""
    return cfg.epochs * iters_per_epoch if cfg.get("epochs") else cfg.total_iters


def require_training_sections(cfg: AttrDict) -> None:
    """Raise UsageError unless the configuration has all sections that training needs."""
    for section, given in {
        "dataset.train": cfg.dataset.get("train"),
        "lr_scheduler": cfg.get("lr_scheduler"),
        "optimizer": cfg.get("optimizer"),
        "total_iters": cfg.get("total_iters") or cfg.get("epochs"),
    }.items():
        if not given:
            raise UsageError(f"The configuration has no {section}, which training needs: add it.")
