"""Restoring files: the predictor that programs call and the command line is built on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..errors import ImageError, RestorationError, UsageError
from ..imaging import Photo, from_array, from_pil, read_photo, to_pil, write_photo
from ..imaging.formats import WRITABLE
from ..inference import Cache, Model, Restorer
from ..tasks import TASKS, normalise_task
from ..weights import MODELS, Weights
from ..weights.download import cache_dir
from .lazy_weights import LazyWeights
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
            range and channels, or a PIL image. For a file, an array where no output is written.
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
            writes no files, and the restored pictures are in ``Result.image``.
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
        backend: ``auto``, ``paddle``, ``openvino`` or ``onnxruntime``; auto is PaddlePaddle on
            a GPU and the fastest that is installed on a CPU.
        precision: ``auto``, ``f32``, ``bf16`` or ``f16``; auto computes in bfloat16 where the
            processor does, and in float32 elsewhere.
        threads: CPU threads; default: all cores.
        memory: what the network may work in, such as ``800M``, ``1.5G`` or a number of
            megabytes; a larger picture is restored in tiles. Default: half of what is free,
            700 MB at most.
        tile: longest side of a tile in pixels; default: what fits the memory.
        overlap: of neighbouring tiles in pixels; default: 32.
        local: test-time local converter (TLC, ECCV 2022): channel attention averages over
            windows of the size seen in training. Slower, and better on large pictures.
        ensemble: average the results for the eight flips and rotations; eight times the time.
        tile_progress: called with the source's name, the number of finished tiles and of all.

    Raises:
        UsageError: an argument makes no sense.
        WeightsError, DownloadError: the weights cannot be had.
        MissingDependencyError: PaddlePaddle or the backend is not installed.

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
        backend: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        memory: str | int | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        local: bool = False,
        ensemble: bool = False,
        tile_progress: Callable[[str, int, int], None] | None = None,
    ):
        _one_of("model", model, MODELS)
        _one_of("existing", existing, EXISTING)
        if suffix is not None:
            suffix = f".{suffix.lstrip('.')}"
            _one_of("suffix", suffix, tuple(WRITABLE))
        _within("quality", quality, 1, 100)
        _within("jobs", jobs, 1, 64)
        if not task and weight_path is None:
            raise UsageError(f"Say what to restore: task is one of {', '.join(TASKS)}.")
        task = normalise_task(task) if task else None
        cache = Cache(cache_dir() / "networks")
        self._weights = LazyWeights(weight_path or f"{model}:{task}", task, cache, progress)
        self.task = self._weights.task
        self._restorer = Restorer(
            Model(self._weights.identity, lambda: self.weights.build(), cache, local),
            backend=backend,
            device=device,
            precision=precision,
            threads=threads,
            memory=memory,
            tile=tile,
            overlap=overlap,
            ensemble=ensemble,
        )
        self.device = self._restorer.backend.device
        self._tile_progress = tile_progress
        self.output_path = None if output_path is None else _folder(output_path)
        self._recursive, self._existing = recursive, existing
        self._suffix, self._quality, self._jobs = suffix, quality, jobs
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @property
    def weights(self) -> Weights:
        """The weights in use; a network that was exported earlier runs without reading them."""
        return self._weights.weights

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
        if self._jobs == 1:  # in this thread, which an interrupt from the keyboard reaches
            yield from (self._process(source, outputs) for source in sources)
            return
        pool = ThreadPoolExecutor(self._jobs)
        pending: deque = deque()
        self._stopped.clear()
        try:
            # Never more than `jobs` ahead: an early stop leaves the rest untouched.
            for source in sources:
                pending.append(pool.submit(self._process, source, outputs))
                if len(pending) >= self._jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)

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
            if output and outputs.keeps(output):
                return Result(source.name, output, size, skipped=True)
            photo, waited = self._restore(photo, source.name)  # the original is let go of
            if output:
                output.parent.mkdir(parents=True, exist_ok=True)
                write_photo(photo, output, quality=self._quality)
        except (RestorationError, OSError) as error:
            return Result(source.name, size=size, error=str(error))
        except MemoryError:
            too_large = f"it does not fit the memory of {self.device}, not even in small tiles"
            return Result(source.name, size=size, error=too_large)
        except Exception as error:  # a fault of ours or of a backend costs one picture, not all
            logger.debug("%s", source.name, exc_info=True)
            unexpected = f"unexpected {type(error).__name__}: {error}"
            return Result(source.name, size=size, error=unexpected)
        seconds = time.perf_counter() - started - waited
        image = _like(source, photo) if source.path is None or output is None else None
        return Result(source.name, output, size, seconds, image=image)

    def _restore(self, photo: Photo, name: str) -> tuple[Photo, float]:
        """The restored photo, and the seconds spent waiting for the network."""
        report = self._tile_progress
        progress = report and (lambda done, total: report(name, done, total))
        width, height = photo.size
        pixels = np.empty_like(photo.pixels)

        def part(*region) -> Photo:
            return replace(photo, pixels=photo.pixels[region], alpha=None)

        def crop(rows, columns) -> np.ndarray:
            return part(rows, columns).to_float()

        asked = time.perf_counter()
        with self._lock:  # there is one network, and it uses all cores by itself
            waited = time.perf_counter() - asked
            for rows, strip in self._restorer.strips(height, width, crop, progress):
                if self._stopped.is_set():
                    raise ImageError("it was left unfinished")
                pixels[rows] = part(rows).with_restored(strip).pixels
        return replace(photo, pixels=pixels), waited


def _read(source: Source) -> Photo:
    if source.path is not None:
        return read_photo(source.path)
    if hasattr(source.picture, "getexif"):
        return from_pil(source.picture)
    try:
        array = np.asarray(source.picture)
    except Exception as error:  # whatever somebody's __array__ raises
        raise ImageError(f"it cannot be read as an array: {error}") from error
    return from_array(array)


def _like(source: Source, photo: Photo) -> Any:
    """The restored photo in the form that the picture in memory had; a file's as an array."""
    if source.path is not None:
        return photo.to_array()
    if hasattr(source.picture, "getexif"):
        return to_pil(photo)
    return photo.to_array().reshape(np.shape(source.picture))


def _folder(path: str | Path) -> Path:
    folder = Path(os.path.expanduser(path))
    for place in (folder, *folder.parents):
        if os.path.lexists(place) and not os.path.isdir(place):
            raise UsageError(f"The output folder {folder} cannot be made: {place} is a file.")
    return folder


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name} is {value!r}: choose one of {', '.join(choices)}.")


def _within(name: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise UsageError(f"{name} is {value!r}: give a whole number from {low} to {high}.")
