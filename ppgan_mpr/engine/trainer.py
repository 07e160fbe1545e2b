"""The trainer: PaddleGAN's training loop with exact resuming, averaged weights and scoring."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paddle

from ..datasets import MixUp
from ..errors import MissingDependencyError, UsageError
from ..metrics import Protocol, ScoreTable
from ..ppgan_compat import import_ppgan
from . import processes
from .batches import BatchPlan, plan_batches
from .config import AttrDict
from .data import TrainingData, mix_seed, seed_everything
from .ema import EMA
from .evaluation import Evaluation
from .interrupt import Interrupt
from .mpr_model import MPRModel
from .precision import MixedPrecision
from .profiling import TrainingProfiler, parse_options
from .progressive import Progressive
from .saving import Saving
from .schedule import WarmupCosine
from .step import DivergedError, GradientStep
from .tiled import TiledRestoration

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from ppgan.engine.trainer import Trainer as PaddleGANTrainer
else:
    PaddleGANTrainer = import_ppgan("ppgan.engine.trainer").Trainer
_build_dataset = import_ppgan("ppgan.datasets.builder").build_dataset


class Trainer(Saving, PaddleGANTrainer):
    """Trains and scores a :class:`~ppgan_mpr.engine.mpr_model.MPRModel`.

    The loop and the intervals of logging, previews, validations and snapshots are PaddleGAN's.
    Added are the options of :data:`ppgan_mpr.engine.config.DEFAULTS`, a data order and random
    numbers that depend on seed and iteration alone, checkpoints from which a run continues
    exactly, and an evaluation that scores each picture once.

    Args:
        cfg: a configuration of :func:`ppgan_mpr.engine.config.load_config`, with ``is_train``
            and ``profiler_options`` added. Nothing is written before training or scoring begins.

    Attributes:
        output_dir: the folder to write to; may be changed until training or scoring begins.
        done_iter: iterations that are finished, with all that belongs to them.
        best_psnr: of the best validation so far in dB, or None.

    Raises:
        RestorationError: the configuration cannot be trained or scored.
    """

    train_dataloader: Any
    profiler_options: str | None

    def __init__(self, cfg: AttrDict) -> None:
        self.done_iter = 0
        self.best_psnr: float | None = None
        self._evaluation: Evaluation | None = None
        self._profiler: TrainingProfiler | None = None
        self._interrupt = Interrupt()
        self._loaded: str | None = None
        self._saved_iter = self._validated_iter = 0
        if cfg.is_train:
            _require_training_sections(cfg)
        cfg.setdefault("min_max", (0.0, 1.0))  # pictures in [0, 1], shown in their true colours
        # PaddleGAN's Trainer would open VisualDL's file at once; here it is opened when used.
        visualdl, cfg.enable_visualdl = cfg.get("enable_visualdl"), False
        if visualdl:
            _require_visualdl()
        # PaddleGAN's main branch would answer this flag with a method that no MPRModel has.
        self._amp, cfg.amp = cfg.amp, False
        self._progressive: Progressive | None = None
        self._batches = BatchPlan(1, 1)
        if cfg.is_train:
            world_size = paddle.distributed.get_world_size()
            self._progressive = Progressive.take_from(cfg.dataset.train, world_size, cfg.accumulate)
            self._batches = plan_batches(cfg, world_size, self._progressive is not None)
        paddle.seed(seed_everything(cfg.seed))
        super().__init__(cfg)
        self.logger = logger  # for what PaddleGAN's methods log
        if not isinstance(self.model, MPRModel):
            raise UsageError(
                f"model.name is {cfg.model.name}, but this Trainer trains MPRModel alone: train "
                "other models with PaddleGAN's own scripts."
            )
        self.rank = paddle.distributed.get_rank()
        self.enable_visualdl = bool(visualdl) and self.rank == 0
        self.protocols = _protocols(self.metrics)
        self.network = self.model.nets["generator"]
        self.network = getattr(self.network, "_layers", self.network)
        if cfg.is_train:
            self._prepare_training()
        memory = (cfg.get("validate") or {}).get("memory")
        precision = {"bfloat16": "bf16", "float16": "f16"}[cfg.amp_dtype] if self._amp else "f32"
        self._tiles = TiledRestoration(self.network, memory, precision) if memory else None
        if not cfg.is_train or self.validate_interval > 0:
            self._evaluation = self._build_evaluation()  # so that mistakes show before the run

    def _prepare_training(self) -> None:
        cfg, batches = self.cfg, self._batches
        self.data = TrainingData(
            self.train_dataloader.dataset,
            {**cfg.dataset.train, "batch_size": batches.batch_size},
            cfg.seed,
            self.rank,
            self.world_size,
            self._progressive,
        )
        self.train_dataloader = self.data
        self.iters_per_epoch = self.data.iters_per_epoch
        if self._progressive and self.by_epoch:
            raise UsageError(
                "dataset.train.progressive counts iterations: give total_iters instead of epochs."
            )
        if self.by_epoch:
            self.total_iters = self.epochs * self.iters_per_epoch
            self.weight_interval = cfg.snapshot_config.interval * self.iters_per_epoch
            self.model.set_total_iter(self.total_iters)
        self._planned_iters = self.total_iters  # which a signal cuts short
        if isinstance(self.lr_schedulers, WarmupCosine):
            self.lr_schedulers.span(self.total_iters)
        precision = MixedPrecision(cfg.amp_level if self._amp else None, cfg.amp_dtype)
        if precision.level == "O2" and self.world_size > 1:
            raise UsageError(
                f"amp_level is O2, which works in one process only, but there are "
                f"{self.world_size}: set amp_level=O1."
            )
        if batches.accumulate > 1 and self.model.objective.sums:
            raise UsageError(
                "accumulate is for losses that are means: give the criterions reduction: mean, or "
                "leave accumulate out."
            )
        self.model.step = GradientStep(batches.accumulate, cfg.clip_grad_norm, precision)
        self._go_to(1)
        self.ema = EMA(self.network, cfg.ema_decay) if cfg.ema_decay else None
        self._profiling = parse_options(self.profiler_options) if self.profiler_options else None
        self.profiler_options = None  # PaddleGAN's own profiler needs a Paddle of long ago

    # ---- training

    def train(self) -> None:
        """Train to the end, or until a signal asks to stop; save before leaving.

        Raises:
            DivergedError: too many non-finite gradients in a row; a checkpoint was saved.
            SystemExit: a signal arrived; a checkpoint was saved.
            Exception: whatever went wrong; what was trained until then was saved.
        """
        if self.current_iter > self.total_iters and not self._validation_is_due():
            logger.warning(
                "Nothing to train: iteration %d of %d is done. Raise total_iters to continue.",
                self.current_iter - 1,
                self.total_iters,
            )
            return
        if self._profiling:
            self._profiler = TrainingProfiler(self._profiling)
        self.cfg.dataset.train.batch_size = self.data.sampler.batch_size  # measures the speed
        # Only now: loaded weights are float32, and a resumed run keeps its own seed.
        self.model.step.precision.decorate(self.network, self.optimizers["optim"])
        if self.cfg.mixup:
            mixup = MixUp(**self.cfg.mixup, seed=self.cfg.seed, rank=self.rank)
            self.model.mix = lambda x, y: mixup(
                x, y, iteration=self.current_iter, slices=self.model.step.accumulate
            )
        if self._progressive:
            logger.info("Progressive training: %s", self._progressive)
        self._seed(self.current_iter)
        with Interrupt() as self._interrupt:
            try:
                if self._validation_is_due():
                    self._repeat_validation()
                super().train()
            except DivergedError as error:
                self._snapshot(self.current_iter - 1)
                raise DivergedError(
                    f"{error} The weights from before are in {self._path('checkpoint')}."
                ) from None
            except Exception:
                self._rescue()
                raise
            finally:
                self.data.close()
            if self._saved_iter != self.current_iter - 1:
                self._snapshot(self.current_iter - 1)
        if self._interrupt.signal:
            path = self._path("checkpoint", self._saved_iter)
            logger.info("Stopped by a signal; resume from %s", path)
            raise SystemExit(128 + self._interrupt.signal)

    def close(self) -> None:
        """Close what was opened for VisualDL."""
        if "vdl_logger" in self.__dict__:
            self.vdl_logger.close()

    @cached_property
    def vdl_logger(self) -> Any:
        """VisualDL's file in the output folder, made when first used."""
        from visualdl import LogWriter

        return LogWriter(logdir=self.output_dir)

    def learning_rate_scheduler_step(self) -> None:
        """Finish an iteration: average, learning rate, random numbers, and whether to stop."""
        self.data.sampler.advance()
        self._go_to(self.current_iter + 1)
        if self.ema and not self.model.step.skipped:
            self.ema.update()
        super().learning_rate_scheduler_step()
        self._seed(self.current_iter + 1)
        self.done_iter = self.current_iter
        self.model.step.updating = False
        ended = self._profiler is not None and self._profiler.step()
        self._stop_if(ended or self._interrupt.signal)

    def _stop_if(self, flag: object) -> bool:
        """End training with this iteration if any process has to; returns whether it ends."""
        stop = processes.in_any(flag)
        if stop:
            self.total_iters = self.current_iter  # the loop of PaddleGAN ends here
        return stop

    def _go_to(self, iteration: int) -> None:
        """Use the patch and batch size that the schedule has for an iteration."""
        if self._progressive:
            self.model.step.accumulate = self._progressive.at(iteration).accumulate
        if self.data.go_to(iteration):
            self.cfg.dataset.train.batch_size = self.data.sampler.batch_size  # measures the speed
            if self._progressive and iteration <= self.total_iters:
                step = self._progressive.at(iteration)
                logger.info("From iteration %d on: %s", iteration, step)

    def _seed(self, iteration: int) -> None:
        # Random numbers depend on nothing but their iteration: no generator needs saving.
        # Those of `random` and `numpy.random` belong to the data, which is read ahead.
        paddle.seed(mix_seed(self.cfg.seed, self.rank, iteration))

    def print_log(self) -> None:
        """Log losses by stage, learning rate, speed and the time that is left."""
        losses = processes.mean(self.model.get_current_losses())
        parts = [
            f"epoch {self.data.epoch} iter {self.current_iter}/{self.total_iters}",
            f"lr {self.current_learning_rate:.3e}",
            *(f"{name} {value:.5f}" for name, value in losses.items()),
            f"batch {self.step_time:.3f} s (data {self.data_time:.3f} s)",
            f"{self.ips * self.world_size:.2f} images/s",
        ]
        left = self.step_time * (self.total_iters - self.current_iter)
        parts.append(f"eta {datetime.timedelta(seconds=int(left))}")
        if self.model.step.skipped:
            parts.append(f"skipped {self.model.step.skipped} non-finite in a row")
        logger.info("  ".join(parts))
        if self.enable_visualdl:
            for name, value in {**losses, "lr": self.current_learning_rate}.items():
                self.vdl_logger.add_scalar(f"train/{name}", value, step=self.current_iter)

    def visual(self, *args: Any, **kwargs: Any) -> None:
        """Write previews, or send them to VisualDL; failing to write one does not end the run."""
        if self.rank == 0:
            self.global_steps = self.current_iter
            self.current_epoch = self.data.epoch
            try:
                super().visual(*args, **kwargs)
            except OSError as error:
                logger.warning("The preview cannot be written: %s", error)

    # ---- scoring

    def test(self) -> None:
        """Restore and score the validation set, with the averaged weights if there are any."""
        if self._evaluation is None:
            self._evaluation = self._build_evaluation()
        evaluation = self._evaluation
        if self.cfg.is_train and self.done_iter and self.done_iter % self.weight_interval == 0:
            self._snapshot(self.done_iter)  # scoring may take long; saved again with its result
        self.model.setup_train_mode(is_train=False)
        validate = self.cfg.get("validate") or {}
        name = f"iter_{self.current_iter}" if self.cfg.is_train else "evaluation"
        folder = Path(self.output_dir) / "visual_test" / name
        averaged = self.ema.applied() if self.cfg.is_train and self.ema else nullcontext()
        with averaged:
            tables = evaluation.run(
                self._tiles or self.restore,
                folder if self.is_save_img else None,
                bool(validate.get("save_panels")),
                lambda done: self._log_progress(done, evaluation.size),
                lambda: self._stop_if(self._interrupt.signal),
            )
        self.model.setup_train_mode(is_train=True)
        if self._tiles:
            self._tiles.report()
        if tables is None:
            logger.info("Validation interrupted by a signal; it is repeated on resuming")
            return
        if self.rank == 0:
            self._report(tables, name)
        self._validated_iter = self.done_iter
        if self.cfg.is_train and tables:
            self._keep_best(tables[0])

    def _validation_is_due(self) -> bool:
        """Whether the validation of the last iteration was interrupted."""
        interval, done = self.validate_interval, self.done_iter
        return interval > 0 and done > 0 and done % interval == 0 and done != self._validated_iter

    def _repeat_validation(self) -> None:
        self.current_iter = self.done_iter
        self.test()
        self._snapshot(self.done_iter)
        self.current_iter += 1

    def _build_evaluation(self) -> Evaluation:
        if not self.cfg.dataset.get("test"):
            raise UsageError("Scoring needs the section dataset.test: add it, or drop validate.")
        settings = self.cfg.dataset.test.copy()
        loading = {key: settings.pop(key, default) for key, default in _LOADING.items()}
        loading.pop("use_shared_memory")
        if settings["name"] == "MPRTrain":
            logger.info(
                "dataset.test names MPRTrain, whose crops and flips are random: "
                "scoring the centre crops of MPRVal instead"
            )
            settings["name"] = "MPRVal"
        dataset = _build_dataset(settings)
        crop = getattr(dataset, "patch_size", None)
        protocols = [p.cropped(crop) if crop else p for p in self.protocols]
        return Evaluation(dataset, protocols, **loading, rank=self.rank, world_size=self.world_size)

    def restore(
        self, batch: Sequence[Any], padding: str
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """Restore a batch of the validation set.

        Args:
            batch: ``(target, degraded, names)``, pictures [N, C, H, W] in [0, 1].
            padding: where pictures are padded, see :class:`MPRModel`.

        Returns:
            ``(degraded, restored, target)``, each [N, 3, H, W].
        """
        self.model.padding = padding
        self.model.setup_input(batch)
        self.model.test_iter()
        shown = self.model.get_current_visuals()
        return shown["input"], shown["restored"], shown["target"]

    def _log_progress(self, done: int, size: int) -> None:
        if done == size or done % self.log_interval == 0:
            logger.info("Test: %d/%d pictures", done, size)

    def _report(self, tables: Iterable[ScoreTable], name: str) -> None:
        folder = Path(self.output_dir) / "scores"
        for table in tables:
            table.scored = f"{self.output_dir}, {name}" if self.cfg.is_train else self._loaded
            for suffix in (".json", ".csv"):
                table.save(folder / f"{name}_{table.protocol.name}{suffix}")
            mean = table.mean()
            logger.info(
                "%s: PSNR %.4f dB  SSIM %.4f  (%d pictures, protocol %s)",
                name,
                mean["psnr"],
                mean["ssim"],
                len(table),
                table.protocol.name,
            )
            if self.enable_visualdl:
                for key, value in mean.items():
                    label = f"validate/{key}/{table.protocol.name}"
                    self.vdl_logger.add_scalar(label, value, step=self.current_iter)

    def _keep_best(self, table: ScoreTable) -> None:
        score = table.mean()["psnr"]
        if self.best_psnr is None or score > self.best_psnr:
            self.best_psnr = score
            logger.info("Best so far: PSNR %.4f dB", score)
            for kind in ("checkpoint", "weight"):
                self._write(Path(self.output_dir) / f"best_{kind}.pdparams", kind)


def _require_training_sections(cfg: AttrDict) -> None:
    for section, given in {
        "dataset.train": cfg.dataset.get("train"),
        "lr_scheduler": cfg.get("lr_scheduler"),
        "optimizer": cfg.get("optimizer"),
        "total_iters": cfg.get("total_iters") or cfg.get("epochs"),
    }.items():
        if not given:
            raise UsageError(f"The configuration has no {section}, which training needs: add it.")


# how dataset.test is loaded, and PaddleGAN's defaults
_LOADING = {"batch_size": 1, "num_workers": 0, "use_shared_memory": True}


def _protocols(metrics: Mapping[str, Any] | None) -> list[Protocol]:
    """The protocols that the configured metrics follow, each once."""
    found = []
    for metric in (metrics or {}).values():
        protocol = getattr(metric, "protocol", None)
        if protocol is None:
            logger.warning(
                "The metric %s has no protocol and is not computed", type(metric).__name__
            )
        elif protocol not in found:
            found.append(protocol)
    return found


def _require_visualdl() -> None:
    try:
        import visualdl  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "enable_visualdl needs VisualDL, which is not installed: run  pip install visualdl"
        ) from None
