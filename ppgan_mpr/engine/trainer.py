"""The trainer: a training loop with exact resuming, averaged weights and scoring."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import paddle

from . import processes
from .building import (
    build_model,
    build_training_data,
    configure,
    length_of_run,
    require_training_sections,
)
from .checkpoints import KEEP, Checkpoints, read_state
from .config import AttrDict
from .data import mix_seed
from .interrupt import Interrupt
from .profiling import TrainingProfiler, parse_options
from .progress import Progress
from .run_state import RunState
from .scoring import load_into
from .step import DivergedError
from .validation import Validation

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a restoration network as a configuration says.

    Data order and random numbers depend on seed and iteration alone, and a run that is resumed
    from a checkpoint ends with the weights of an uninterrupted one.

    Args:
        cfg: a configuration of :func:`ppgan_mpr.engine.config.load_config`.
        profiler_options: profile some iterations, see :mod:`ppgan_mpr.engine.profiling`.

    Attributes:
        output_dir: the folder of the run, which the first save makes; may be changed until
            training begins.
        total_iters: length of the run.
        state: of the run.

    Raises:
        RestorationError: the configuration cannot be trained. Nothing is written before training
            begins.
    """

    def __init__(self, cfg: AttrDict, profiler_options: str | None = None) -> None:
        require_training_sections(cfg)
        self.cfg, self.output_dir = cfg, cfg.output_dir
        self.progress = Progress(bool(cfg.get("enable_visualdl")))
        self._profiling = parse_options(profiler_options) if profiler_options else None
        self.model = build_model(cfg)
        self.network = self.model.network
        self.data = build_training_data(cfg)
        self.total_iters = length_of_run(cfg, self.data.iters_per_epoch)
        if "iters_per_epoch" in cfg.lr_scheduler:  # PaddleGAN's LinearDecay
            cfg.lr_scheduler.iters_per_epoch = self.data.iters_per_epoch
        self.lr_scheduler = self.model.setup_lr_schedulers(cfg.lr_scheduler)
        self.optimizer = self.model.setup_optimizers(self.lr_scheduler, cfg.optimizer)["optim"]
        self.model.set_total_iter(self.total_iters)
        configure(self.model, cfg, self.data.accumulate)
        self.state = RunState(self.model, self.optimizer, self.data, self.total_iters, cfg.seed)
        self._keep = cfg.snapshot_config.get("keep", KEEP)
        self.checkpoints = Checkpoints(self.output_dir, self._keep)
        self._snapshot_interval = cfg.snapshot_config.interval
        if cfg.get("epochs"):
            self._snapshot_interval *= self.data.iters_per_epoch
        self._validate_interval = (cfg.get("validate") or {}).get("interval", -1)
        self.validation = Validation(cfg, self.model) if self._validate_interval > 0 else None
        if (cfg.get("validate") or {}).get("local"):
            logger.warning("validate.local counts for --evaluate-only, not while training")
        self._interrupt, self._signal = Interrupt(), 0

    def train(self) -> None:
        """Train to the end, or until a signal asks to stop; save before leaving.

        Raises:
            DivergedError: too many non-finite gradients in a row; a checkpoint was saved.
            SystemExit: a signal arrived; a checkpoint was saved.
            Exception: whatever went wrong; what was trained until then was saved.
        """
        state = self.state
        if state.iteration >= self.total_iters and not self._validation_is_missing():
            logger.warning(
                "Nothing to train: iteration %d of %d is done. Raise total_iters to continue.",
                state.iteration,
                self.total_iters,
            )
            return
        self.progress.begin(Path(self.output_dir), state.iteration)
        self.checkpoints = Checkpoints(self.output_dir, self._keep, state.iteration)
        with closing(self.data), Interrupt() as self._interrupt:
            try:
                self._loop()
            except DivergedError as error:
                state.diverged = True
                self.checkpoints.save(state)
                raise DivergedError(
                    f"{error} The weights from before are in "
                    f"{self.checkpoints.path(state.iteration)}."
                ) from None
            except Exception:
                self.checkpoints.rescue(state)
                raise
            if self.checkpoints.saved != state.iteration:
                self.checkpoints.save(state)
            if self._signal:  # still inside: launchers repeat their SIGTERM
                if state.iteration:
                    path = self.checkpoints.path(state.iteration)
                    logger.info("Stopped by a signal; resume from %s", path)
                else:
                    logger.info("Stopped by a signal before the first iteration")
                raise SystemExit(128 + self._signal)
        self.progress.draw()

    def _loop(self) -> None:
        state, model, watch = self.state, self.model, self.progress.stopwatch
        profiler = TrainingProfiler(self._profiling) if self._profiling else None
        if self.data.progressive:
            logger.info("Progressive training: %s", self.data.progressive)
        model.begin()
        if self._validation_is_missing():
            self.validate()
            self.checkpoints.save(state)
        stop = self._is_interrupted()
        while state.iteration < self.total_iters and not stop:
            iteration = state.iteration + 1
            # Random numbers depend on nothing but their iteration: no generator needs saving.
            # Those of `random` and `numpy.random` belong to the data, which is read ahead.
            paddle.seed(mix_seed(state.seed, processes.rank(), iteration))
            watch.start()
            batch = self.data.next_batch()
            watch.data_read()
            model.setup_input(batch)
            model.step.signal = self._interrupt.signal
            rate, epoch = self.optimizer.get_lr(), self.data.epoch
            model.train_iter(model.optimizers)  # forward, losses, backward, update, average
            self.lr_scheduler.step()
            self._advance()
            watch.stop(len(batch[0]))
            if iteration % self.cfg.log_config.interval == 0:
                self.log(rate, epoch)
            if iteration % self.cfg.log_config.visiual_interval == 0:
                self.progress.preview(iteration, model.get_current_visuals())
            profiled = profiler is not None and profiler.step()
            stop = self._is_interrupted_after_update() or profiled
            if self._validate_interval > 0 and iteration % self._validate_interval == 0:
                stop = self.validate() or stop
            if iteration % self._snapshot_interval == 0:
                self.checkpoints.save(state)

    def _is_interrupted(self) -> bool:
        """Whether a signal has arrived in any process: all leave together."""
        self._signal = processes.largest(self._interrupt.signal)
        return self._signal > 0

    def _is_interrupted_after_update(self) -> bool:
        """The same right after an update, in which several processes have exchanged their signals.

        So an iteration needs no exchange of its own, for which the GPUs would have to wait.
        """
        several = processes.count() > 1
        self._signal = self.model.step.signal if several else self._interrupt.signal
        return self._signal > 0

    def _advance(self) -> None:
        """Finish the iteration: from here on it can be saved."""
        resized = self.data.advance()
        self.state.iteration += 1
        self.model.step.updating = False
        self.model.step.accumulate = self.data.accumulate
        if resized and self.data.progressive and self.data.iteration <= self.total_iters:
            step = self.data.progressive.at(self.data.iteration)
            logger.info("From iteration %d on: %s", self.data.iteration, step)

    def log(self, rate: float, epoch: int) -> None:
        """Log the losses of the last iteration, with its learning rate and pass over the data."""
        self.progress.log(
            self.state.iteration,
            self.total_iters,
            epoch,
            rate,
            self.model.get_current_losses(),
            self.model.step.skipped,
        )

    def validate(self) -> bool:
        """Score the validation set and keep the best weights.

        Returns:
            Whether a signal interrupted it; it is then repeated when the run is resumed.
        """
        state = self.state
        if self.validation is None:
            return False
        if state.iteration % self._snapshot_interval == 0:
            self.checkpoints.save(state)  # scoring may take long; saved again with its result
        name = f"iter_{state.iteration}"
        folder, scored = Path(self.output_dir), f"{self.output_dir}, {name}"
        tables = self.validation.run(folder, name, scored, self._is_interrupted)
        if tables is None:
            logger.info("Validation interrupted by a signal; it is repeated on resuming")
            return True
        state.validated = state.iteration
        for table in tables:
            self.progress.record_scores(state.iteration, table.protocol.name, table.mean())
        self.progress.draw()
        psnr = tables[0].mean()["psnr"] if tables else None
        if psnr is not None and (state.best_psnr is None or psnr > state.best_psnr):
            state.best_psnr = psnr
            logger.info("Best so far: PSNR %.4f dB", psnr)
            self.checkpoints.save_best(state)
        return False

    def _validation_is_missing(self) -> bool:
        """Whether the validation of the last iteration was interrupted."""
        done, interval = self.state.iteration, self._validate_interval
        return interval > 0 and done > 0 and done % interval == 0 and done != self.state.validated

    def resume(self, path: str | Path) -> None:
        """Continue a run exactly where its checkpoint was written.

        Raises:
            WeightsError: not a readable training checkpoint, or one of another network.
            UsageError: a checkpoint of PaddleGAN's own Trainer or of another optimizer.
        """
        self.state.load_state_dict(read_state(Path(path)), path)
        self.data.go_to(self.state.iteration + 1)
        self.model.step.accumulate = self.data.accumulate
        # The state holds the rate of a schedule of the length that the run had then.
        self.model.set_total_iter(self.total_iters)
        if processes.is_first():
            Checkpoints(self.output_dir).sweep()
        logger.info("Resumed %s at iteration %d", path, self.state.iteration + 1)

    def load(self, weights: str | Path) -> None:
        """Start from weights, a file or a name, see :func:`~ppgan_mpr.engine.scoring.load_into`."""
        load_into(self.model, weights)

    def close(self) -> None:
        """Close what was opened for VisualDL."""
        self.progress.close()
