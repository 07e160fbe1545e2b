"""The trainer: a training loop with exact resuming, averaged weights and scoring."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import paddle

from . import building, processes
from .building import is_due
from .checkpoints import KEEP, Checkpoints, read_state
from .config import AttrDict
from .data import mix_seed
from .interrupt import Interrupt
from .profiling import TrainingProfiler, parse_options
from .progress import Progress
from .run_state import RunState
from .scoring import load_into
from .validation import Validation

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a restoration network according to a configuration.

    Data order and random numbers depend only on seed and iteration. So a run that is resumed from a
    checkpoint ends with the weights of an uninterrupted run.

    Args:
        cfg: a configuration from :func:`ppgan_mpr.engine.config.load_config`.
        profiler_options: profile some iterations, see :mod:`ppgan_mpr.engine.profiling`.

    Raises:
        RestorationError: the configuration cannot be trained. Nothing is written before training
            begins.
    """

    def __init__(self, cfg: AttrDict, profiler_options: str | None = None) -> None:
        building.require_training_sections(cfg)
        self._profiling = parse_options(profiler_options) if profiler_options else None
        self.progress = Progress(bool(cfg.get("enable_visualdl")))
        self.model = building.build_model(cfg)
        self.network = self.model.network
        self.data = building.build_training_data(cfg)
        self.total_iters = building.length_of_run(cfg, self.data.iters_per_epoch)
        self.optimizer = building.build_optimizer(cfg, self.model, self.data, self.total_iters)
        self.lr_scheduler = self.model.lr_scheduler
        building.configure(self.model, cfg, self.data.accumulate)
        self.state = RunState(self.model, self.optimizer, self.data, self.total_iters, cfg.seed)
        self.checkpoints = Checkpoints(cfg.output_dir, cfg.snapshot_config.get("keep", KEEP))
        self.every = building.intervals(cfg, self.data.iters_per_epoch)
        self.validation = Validation(cfg, self.model) if self.every.validation > 0 else None
        self._interrupt = Interrupt()

    @property
    def output_dir(self) -> str:
        """The folder of the run, made with its first file; it may be set until training begins."""
        return str(self.checkpoints.folder)

    @output_dir.setter
    def output_dir(self, folder: str) -> None:
        self.checkpoints.folder = Path(folder)

    def train(self) -> None:
        """Train to the end or until a signal arrives, and save before returning.

        Raises:
            DivergedError: too many consecutive gradients were not finite; a checkpoint was saved.
            SystemExit: a signal arrived; the finished iterations were saved.
            Exception: any other error; the finished iterations were saved if possible, see the log.
        """
        done, total = self.state.iteration, self.total_iters
        if done >= total and not self._validation_is_missing():
            logger.warning(
                "Nothing to train: iteration %d of %d is done. To continue, raise total_iters, or "
                "epochs if the configuration has it.",
                done,
                total,
            )
            return
        self.progress.begin(self.checkpoints.folder, done)
        self.checkpoints.begin(done)
        with closing(self.data), Interrupt() as self._interrupt:
            with self.checkpoints.saving(self.state):
                self._loop()
            if self._interrupt.shared:  # inside the block, as launchers repeat their SIGTERM
                resume = f"; resume from {self.checkpoints.path(self.state.iteration)}"
                first = " before the first iteration"
                logger.info("Stopped by a signal%s", resume if self.state.iteration else first)
                raise SystemExit(128 + self._interrupt.shared)
        self.progress.draw()

    def _loop(self) -> None:
        state, model, data, every = self.state, self.model, self.data, self.every
        interrupt, watch = self._interrupt, self.progress.stopwatch
        profiler = TrainingProfiler(self._profiling) if self._profiling else None
        if data.progressive:
            logger.info("Progressive training: %s", data.progressive)
        model.begin()
        if self._validation_is_missing():
            self.validate()
            self.checkpoints.save(state)
        interrupt.share()
        profiled = False
        while state.iteration < self.total_iters and not (interrupt.shared or profiled):
            # Random numbers depend only on seed, process and iteration, so checkpoints store no
            # state of random generators. The data is read ahead, so it seeds `random` and
            # `numpy.random` itself.
            paddle.seed(mix_seed(state.seed, processes.rank(), state.iteration + 1))
            watch.start()
            batch = data.next_batch()
            watch.data_read()
            model.setup_input(batch)
            model.step.signal = interrupt.signal
            rate, epoch = self.optimizer.get_lr(), data.epoch
            model.train_iter(model.optimizers)  # forward, losses, backward, update, average
            self.lr_scheduler.step()
            resized = state.finish_iteration()
            watch.stop(len(batch[0]))
            if resized and state.iteration < self.total_iters:
                logger.info("From iteration %d on: %s", data.iteration, data.phase)
            if is_due(every.log, state.iteration):
                self.log(rate, epoch)
            if is_due(every.preview, state.iteration):
                self.progress.preview(state.iteration, model.get_current_visuals())
            profiled = profiler is not None and profiler.step()
            interrupt.take_shared(model.step.signal)
            # Validation may take long, so a due snapshot is already saved before it. After it, the
            # snapshot is saved again, with the result of the validation.
            if is_due(every.snapshot, state.iteration):
                self.checkpoints.save(state)
            if is_due(every.validation, state.iteration):
                self.validate()
                if is_due(every.snapshot, state.iteration):
                    self.checkpoints.save(state)

    def log(self, rate: float, epoch: int) -> None:
        """Log the losses of the last iteration, with its learning rate and epoch."""
        losses, skipped = self.model.get_current_losses(), self.model.step.skipped
        self.progress.log(self.state.iteration, self.total_iters, epoch, rate, losses, skipped)

    def validate(self) -> None:
        """Score the validation set and keep the best weights, unless a signal interrupts it."""
        if self.validation is None:
            return
        folder, name = self.checkpoints.folder, f"iter_{self.state.iteration}"
        tables = self.validation.run(folder, name, f"{folder}, {name}", self._interrupt.share)
        if tables is None:
            logger.info("Validation interrupted by a signal; it is repeated on resuming")
            return
        self.progress.record_scores(self.state.iteration, tables)
        if self.state.take_scores(tables):
            self.checkpoints.save_best(self.state)

    def _validation_is_missing(self) -> bool:
        """Whether the validation of the last iteration was interrupted."""
        done = self.state.iteration
        return done not in (0, self.state.validated) and is_due(self.every.validation, done)

    def resume(self, path: str | Path) -> None:
        """Continue a run exactly where its checkpoint was written.

        Raises:
            WeightsError: the file is not a readable training checkpoint of this network.
            UsageError: the checkpoint is of PaddleGAN's own Trainer or of another optimizer.
        """
        self.state.load_state_dict(read_state(Path(path)), path)
        # The state has the learning rate for the earlier length of the run.
        self.model.set_total_iter(self.total_iters)
        logger.info("Resumed %s at iteration %d", path, self.state.iteration + 1)

    def load(self, weights: str | Path) -> None:
        """Start from weights, a file or a name, see :func:`~ppgan_mpr.engine.scoring.load_into`."""
        load_into(self.model, weights)

    def close(self) -> None:
        """Close VisualDL's file."""
        self.progress.close()
