"""Restoring files: the predictor that programs call and the command line is built on."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..dependencies import require
from ..errors import RestorationError, UsageError
from ..imaging import Photo, from_array, from_pil, read_photo, to_pil, write_photo
from ..imaging.formats import WRITABLE
from ..inference import restore
from ..tasks import TASKS, normalise_task
from ..weights import MODELS, Weights, load_weights
from .outputs import EXISTING, Outputs
from .sources import Source, expand

logger = logging.getLogger("ppgan_mpr")


@dataclass(frozen=True)
class Result:
    """What became of one picture.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file written, or the one already there; None on failure and where no
            file was asked for.
        size: width and height in pixels, the same before and after; None if unread.
        seconds: from reading to writing, waiting for other pictures not counted.
        error: one sentence, or None.
        skipped: the output was there already and was left alone.
        image: for a picture in memory, the restored one: a numpy array of the same dtype,
            range and channels, or a PIL image.
    """

    source: str
    output: Path | None = None
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    error: str | None = None
    skipped: bool = False
    image: Any = None

    @property
    def ok(self) -> bool:
        """Whether there is a restored picture."""
        return self.error is None


class MPRPredictor:
    """Restores photographs with MPRNet at their full size, losing nothing of them.

    The first four arguments are those of PaddleGAN's class of this name.

    Args:
        output_path: pictures go to ``output_path/<task>/<stem>_restoration.<ext>``; None
            writes no files (for pictures in memory).
        weight_path: a weights file of any form that
            :func:`~ppgan_mpr.weights.load_weights` takes; default: those of ``model``.
        seed: accepted for PaddleGAN's sake; restoration draws no random numbers.
        task: ``Deblurring``, ``Denoising`` or ``Deraining``; with ``weight_path`` it may be
            left out when the weights tell.
        model: ``published`` (PaddleGAN's weights, downloaded once) or ``lite`` (embedded).
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        recursive: look for pictures in sub-folders too.
        existing: what to do when an output is already there: ``error``, ``overwrite``,
            ``skip``.
        suffix: write this format, such as ``.png``; default: that of the input, or PNG
            where that would lose something.
        quality: of JPEG and other lossy formats, 1 to 100.
        jobs: pictures in work at once; reading and writing then overlap with computing,
            at the cost of that many pictures' memory.
        progress: show a bar while downloading weights.

    Raises:
        UsageError: an argument makes no sense.
        WeightsError, DownloadError: the weights cannot be had.
        MissingDependencyError: PaddlePaddle is not installed.

    Example:
        >>> predictor = MPRPredictor(task='Deraining', model='lite')   # doctest: +SKIP
        >>> predictor.run('holiday.jpg')[0].output                     # doctest: +SKIP
        PosixPath('output_dir/Deraining/holiday_restoration.jpg')
    """

    def __init__(
        self,
        output_path: str | Path | None = "output_dir",
        weight_path: str | Path | None = None,
        seed: int | None = None,
        task: str | None = None,
        *,
        model: str = "published",
        device: str = "auto",
        recursive: bool = False,
        existing: str = "error",
        suffix: str | None = None,
        quality: int = 95,
        jobs: int = 1,
        progress: bool = True,
    ):
        _one_of("model", model, MODELS)
        _one_of("existing", existing, EXISTING)
        if suffix is not None:
            suffix = f".{suffix.lstrip('.')}"
            _one_of("suffix", suffix, tuple(WRITABLE))
        _within("quality", quality, 1, 100)
        _within("jobs", jobs, 1, 64)
        if task is None and weight_path is None:
            raise UsageError(f"Say what to restore: task is one of {', '.join(TASKS)}.")
        task = normalise_task(task) if task else None
        require("paddle")
        from ..inference.backends.paddle_backend import PaddleBackend, choose_device

        device = choose_device(device)
        self.weights: Weights = load_weights(weight_path or f"{model}:{task}", task, progress)
        self.task = task or self.weights.task
        if self.task is None:
            raise UsageError(
                f"{weight_path} does not tell what it was trained for: name the task, one of "
                f"{', '.join(TASKS)}."
            )
        self.output_path = None if output_path is None else Path(output_path).expanduser()
        self._recursive, self._existing = recursive, existing
        self._suffix, self._quality, self._jobs = suffix, quality, jobs
        self._backend = PaddleBackend(self.weights.build(), device)
        self.device = self._backend.device
        self._lock = threading.Lock()

    def run(self, images: Any) -> list[Result]:
        """Restore pictures and report on each; one that fails never stops the others.

        Failures are in ``Result.error`` and on the ``ppgan_mpr`` logger.

        Args:
            images: a file, a folder, a glob, a numpy array ([H, W], [H, W, 1..4], RGB
                order; uint8, uint16, or float in [0, 1]), a PIL image, or a list of these.

        Raises:
            UsageError: a path does not exist, or there is no picture in it.
        """
        results = list(self.iterate(expand(images, self._recursive, self.output_path)))
        for result in results:
            if result.error:
                logger.error("%s: %s", result.source, result.error)
        return results

    def iterate(self, sources: Iterable[Source]) -> Iterator[Result]:
        """Restore ``sources`` in order, yielding each result as soon as it is there."""
        outputs = None
        if self.output_path is not None:
            outputs = Outputs(self.output_path / self.task, self._suffix, self._existing)
        with ThreadPoolExecutor(self._jobs) as pool:
            # Never more than `jobs` ahead: an early stop leaves the rest untouched.
            pending: deque = deque()
            for source in sources:
                pending.append(pool.submit(self._process, source, outputs))
                if len(pending) >= self._jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _process(self, source: Source, outputs: Outputs | None) -> Result:
        started = time.perf_counter()
        size = output = None
        try:
            finished = outputs and outputs.finished(source)
            if finished:
                return Result(source.name, finished, skipped=True)
            photo = _read(source)
            size = photo.size
            output = outputs and outputs.claim(source, photo)
            restored, waited = self._restore(photo)
            if output:
                output.parent.mkdir(parents=True, exist_ok=True)
                write_photo(restored, output, quality=self._quality)
        except (RestorationError, OSError) as error:
            return Result(source.name, size=size, error=str(error))
        except MemoryError:
            too_large = f"A picture of {size} pixels does not fit the memory of {self.device}."
            return Result(source.name, size=size, error=too_large)
        seconds = time.perf_counter() - started - waited
        return Result(source.name, output, size, seconds, image=_like(source, restored))

    def _restore(self, photo: Photo) -> tuple[Photo, float]:
        """The restored photo, and the seconds spent waiting for the network."""
        asked = time.perf_counter()
        with self._lock:  # there is one network, and it uses all cores by itself
            waited = time.perf_counter() - asked
            image = restore(photo.to_float(), self._backend, self._backend.size_multiple)
        return photo.with_restored(image), waited


def _read(source: Source) -> Photo:
    if source.path is not None:
        return read_photo(source.path)
    if hasattr(source.picture, "getexif"):
        return from_pil(source.picture)
    return from_array(np.asarray(source.picture))


def _like(source: Source, photo: Photo) -> Any:
    """The restored photo in the form that the picture in memory had."""
    if source.path is not None:
        return None
    if hasattr(source.picture, "getexif"):
        return to_pil(photo)
    return photo.to_array().reshape(np.shape(source.picture))


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name} is {value!r}: choose one of {', '.join(choices)}.")


def _within(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} is {value!r}: give a whole number from {low} to {high}.")
