"""Reports of a run: log lines with speed and time left, curves, previews and VisualDL."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle

from ..errors import MissingDependencyError
from ..imaging.samples import to_dtype
from ..metrics import ScoreTable
from . import gpu, processes
from .curves import Curves

logger = logging.getLogger(__name__)


class Stopwatch:
    """Measures the mean times of iterations since the last :meth:`reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Restart the measurement."""
        self._iterations = self._samples = 0
        self._total = self._data = 0.0

    def start(self) -> None:
        """Call this when an iteration begins and waits for its data."""
        self._began = time.perf_counter()

    def data_read(self) -> None:
        """Call this when the iteration has its data."""
        self._data += time.perf_counter() - self._began

    def stop(self, samples: int) -> None:
        """Call this when the iteration is finished, with its number of samples in this process."""
        self._total += time.perf_counter() - self._began
        self._iterations += 1
        self._samples += samples

    @property
    def iteration_time(self) -> float:
        """Mean seconds per iteration, including reading."""
        return self._total / max(self._iterations, 1)

    @property
    def data_time(self) -> float:
        """Mean seconds per iteration spent waiting for data."""
        return self._data / max(self._iterations, 1)

    @property
    def samples_per_second(self) -> float:
        """Samples per second of this process."""
        return self._samples / self._total if self._total else 0.0


class Progress:
    """The log lines, curves, previews and VisualDL records of a run.

    Args:
        visualdl: also write VisualDL's file.

    Attributes:
        folder: folder of the run.
        stopwatch: measures the iterations.

    Raises:
        MissingDependencyError: VisualDL is requested but not installed.
    """

    def __init__(self, visualdl: bool = False) -> None:
        if visualdl:
            _require_visualdl()
        self.folder = Path()
        self.stopwatch = Stopwatch()
        self._visualdl = visualdl and processes.is_first()
        self._curves: Curves | None = None

    def begin(self, folder: Path, iteration: int) -> None:
        """Start after ``iteration``, in the folder of the run."""
        self.folder = folder
        if processes.is_first():
            self._curves = Curves(folder / "curves", iteration)

    def log(
        self,
        iteration: int,
        total_iters: int,
        epoch: int,
        rate: float,
        losses: Mapping[str, float],
        skipped: int = 0,
    ) -> None:
        """Log losses by stage, learning rate, speed and the time left.

        All processes call this together.

        Args:
            iteration, total_iters: the finished iteration, and the number of all iterations.
            epoch: number of the pass over the data set.
            rate: learning rate of the iteration.
            losses: losses of this process.
            skipped: number of consecutive skipped batches.
        """
        losses = processes.mean(dict(losses))
        watch = self.stopwatch
        left = datetime.timedelta(seconds=int(watch.iteration_time * (total_iters - iteration)))
        parts = [
            f"epoch {epoch} iter {iteration}/{total_iters}",
            f"lr {rate:.3e}",
            *(f"{name} {value:.5f}" for name, value in losses.items()),
            f"batch {watch.iteration_time:.3f} s (data {watch.data_time:.3f} s)",
            f"{watch.samples_per_second * processes.count():.2f} images/s",
            f"eta {left}",
        ]
        memory = gpu.peak_memory()
        if memory is not None:
            parts.append(f"GPU memory {memory:.1f} GB")
        if skipped:
            parts.append(f"skipped {skipped} non-finite in a row")
        logger.info("  ".join(parts))
        speed = watch.samples_per_second * processes.count()
        values = {**losses, "lr": rate, "images_per_second": speed}
        self._record("train", iteration, values if memory is None else {**values, "gpu_gb": memory})
        watch.reset()

    def record_scores(self, iteration: int, tables: Sequence[ScoreTable]) -> None:
        """Record the mean scores of a validation, a table for each protocol, and draw curves."""
        for table in tables:
            scores = {f"{name}/{table.protocol.name}": v for name, v in table.mean().items()}
            self._record("validation", iteration, scores)
        self.draw()

    def draw(self) -> None:
        """Draw the curves."""
        if self._curves:
            self._curves.draw()

    def preview(self, iteration: int, pictures: Mapping[str, paddle.Tensor]) -> None:
        """Write the first picture of a batch to the disk or to VisualDL.

        If it cannot be written, a warning is logged.

        Args:
            iteration: the current iteration.
            pictures: name → [N, 3, H, W] in [0, 1].
        """
        if not processes.is_first():
            return
        folder = self.folder / "visual_train"
        for name, batch in pictures.items():
            pixels = to_dtype(batch[0].astype("float32").transpose([1, 2, 0]).numpy(), np.uint8)
            if self._visualdl:
                self.visualdl_writer.add_image(f"visual_train/{name}", pixels, step=iteration)
                continue
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _, data = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))
                (folder / f"iter{iteration:03d}_{name}.png").write_bytes(data.tobytes())
            except OSError as error:
                logger.warning("The preview cannot be written: %s", error)

    def _record(self, section: str, iteration: int, values: Mapping[str, float]) -> None:
        if self._curves:
            self._curves.add(section, iteration, values)
        if self._visualdl:
            for name, value in values.items():
                self.visualdl_writer.add_scalar(f"{section}/{name}", value, step=iteration)

    @cached_property
    def visualdl_writer(self) -> Any:
        """VisualDL's file in the folder of the run, created on first use."""
        from visualdl import LogWriter

        return LogWriter(logdir=str(self.folder))

    def close(self) -> None:
        """Close VisualDL's file."""
        if "visualdl_writer" in self.__dict__:
            self.visualdl_writer.close()


def _require_visualdl() -> None:
    try:
        import visualdl  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "enable_visualdl needs VisualDL, which is not installed: run  pip install visualdl"
        ) from None
