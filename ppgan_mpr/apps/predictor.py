"""Restoring files: the predictor that programs call and the command line is built on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..cache_dir import cache_dir
from ..errors import ImageError, RestorationError, UsageError
from ..imaging import Photo, from_array, from_pil, read_photo, to_pil
from ..imaging.formats import WRITABLE
from ..inference import Cache, Crop, Model, Restorer
from ..networks.tasks import ALL_TASKS, NETWORK_TASKS, normalise_task
from ..weights import CATALOGUE, MODELS, Weights, WeightsRecord, find_record
from .lazy_weights import LazyWeights, Purpose
from .network_input import blank_result, network_input
from .outputs import EXISTING, Outputs
from .result import Result
from .sources import Source, expand, pair_views

logger = logging.getLogger("ppgan_mpr")

# Bytes of a picture for whose file, several times as large, the network makes room.
_LARGE = 1 << 27


class Predictor:
    """Restores photographs at their full size, losing nothing of them, with any network.

    :class:`~ppgan_mpr.apps.MPRPredictor` and :class:`~ppgan_mpr.apps.MIRNetPredictor` are this
    class with the networks that they are named after.

    May be used by several threads, whose pictures then wait for each other. But while weights
    are read and a network is exported for the first time, PaddlePaddle is in a state in which
    no other thread can make layers of its own.

    Args:
        output_path: pictures go to ``output_path/<task>/<stem>_restoration.<ext>``; None
            writes no files, and the restored pictures are in ``Result.image``.
        weight_path: a weights file of any form that
            :func:`~ppgan_mpr.weights.load_weights` takes; default: those of ``model``.
        seed: accepted for PaddleGAN's sake; restoration draws no random numbers.
        task: ``Deblurring``, ``Denoising``, ``Deraining`` (MPRNet), ``RealDenoising``,
            ``LowLight``, ``Retouching``, ``SuperResolution`` (MIRNet, MIRNet-v2) or
            ``DualPixelDeblurring`` (MIRNet-v2); with ``weight_path`` it may be left out when
            the weights tell.
        network: ``mprnet``, ``mirnet`` or ``mirnetv2``; default: that of the weights.
        scale: how many times ``SuperResolution`` enlarges, where the weights do not tell; 1 for
            pictures that are enlarged already.
        model: ``published`` (downloaded once; MPRNet's are PaddleGAN's) or ``lite`` (embedded,
            for MPRNet's tasks).
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        recursive: look for pictures in sub-folders too.
        existing: what to do when an output is already there: ``error``, ``overwrite``,
            ``skip``; pictures from memory always take the next free name.
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
            600 MB at most.
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

    Attributes:
        networks: class names of the networks to choose from.
        network, task, scale: what the weights are for.
        device: what computes.
    """

    networks = tuple(NETWORK_TASKS)

    def __init__(
        self,
        output_path: str | Path | None = "output_dir",
        weight_path: str | Path | None = None,
        seed: int | None = None,
        task: str | None = None,
        *,
        network: str | None = None,
        scale: int | None = None,
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
        if scale is not None:
            _within("scale", scale, 1, 8)
        networks = self._networks(network)
        tasks = list(dict.fromkeys(task for name in networks for task in NETWORK_TASKS[name]))
        task = normalise_task(task, ALL_TASKS) if task else None
        if task and task not in tasks:
            raise UsageError(
                f"{' or '.join(networks)} is not for {task}: choose one of {', '.join(tasks)}."
            )
        if weight_path is None:
            if not task:
                raise UsageError(f"Say what to restore: task is one of {', '.join(tasks)}.")
            weight_path = _record(model, task, network and networks[0], scale).name
        cache = Cache(cache_dir() / "networks")
        self._weights = LazyWeights(weight_path, task, networks, scale, cache, progress)
        purpose = self._weights.purpose
        self.network, self.task, self.scale = purpose.network, purpose.task, purpose.scale
        self._views = _views(purpose)
        self._check_options(local, ensemble)
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

    @property
    def weights(self) -> Weights:
        """The weights in use; a network that was exported earlier runs without reading them."""
        return self._weights.weights

    def run(self, images: Any, right: Any = None) -> list[Result]:
        """Restore pictures and report on each; one that fails never stops the others.

        Failures are in ``Result.error`` and on the ``ppgan_mpr`` logger.

        Args:
            images: a file, a folder, a glob, a numpy array ([H, W], [H, W, 1..4], RGB
                order; uint8, uint16, or float in [0, 1]), a PIL image, or a list of these.
            right: for ``DualPixelDeblurring``, where ``images`` are the left views, the right
                ones in the same form; files of folders belong together by their names.

        Raises:
            UsageError: a path does not exist, there is no picture in it, or views lack their
                partners.
        """
        sources = expand(images, self._recursive, self.output_path)
        if right is not None:
            sources = pair_views(sources, expand(right, self._recursive, self.output_path))
        results = list(self.iterate(sources))
        for result in results:
            if result.error:
                logger.error("%s: %s", result.source, result.error)
        return results

    def iterate(self, sources: Iterable[Source]) -> Iterator[Result]:
        """Restore ``sources`` in order, yielding each result as soon as it is there.

        Raises:
            UsageError: a source has one view and the network takes two, or the reverse.
        """
        sources = list(sources)
        for source in sources:
            if (source.right is None) == (self._views == 2):
                raise UsageError(
                    f"{self.task} takes the left and the right view of a dual-pixel camera: "
                    "give the right ones too (--right_image)."
                    if source.right is None
                    else f"{self.task} takes no right views: leave them out."
                )
        outputs = None
        if self.output_path is not None:
            folder = self.output_path / self.task
            outputs = Outputs(folder, self._suffix, self._existing, sources)
        stopped = threading.Event()
        if self._jobs == 1:  # in this thread, which an interrupt from the keyboard reaches
            yield from (self._process(source, outputs, stopped) for source in sources)
            return
        pool = ThreadPoolExecutor(self._jobs)
        pending: deque = deque()
        try:
            # Never more than `jobs` ahead: an early stop leaves the rest untouched.
            for source in sources:
                pending.append(pool.submit(self._process, source, outputs, stopped))
                if len(pending) >= self._jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)

    def _process(self, source: Source, outputs: Outputs | None, stopped: threading.Event) -> Result:
        started = time.perf_counter()
        size = output = None
        try:
            finished = outputs and outputs.finished(source)
            if finished:
                return Result(source.name, finished, skipped=True)
            photo = _read(source)
            right = _read(source.right) if source.right else None
            if right and np.uint8 in (photo.pixels.dtype, right.pixels.dtype):
                logger.warning("%s has 8 bits: the network learnt from 16.", source.name)
            crop = network_input(photo, right, self.scale)
            in_place = source.path is not None  # a picture from memory stays as it is
            result = blank_result(photo, self.scale, in_place)
            size = result.size
            output = outputs and outputs.claim(source, result)
            if output and outputs.keeps(output):
                return Result(source.name, output, size, skipped=True)
            waited = self._restore(result, crop, source.name, stopped)
            del photo, right, crop  # a large picture's memory is wanted for its file
            if output:
                output = outputs.write(source, result, output, self._quality)
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
        image = _like(source, result) if source.path is None or output is None else None
        return Result(source.name, output, size, seconds, image=image)

    def _restore(self, result: Photo, crop: Crop, name: str, stopped: threading.Event) -> float:
        """Fill the pixels of ``result``; returns the seconds spent waiting for the network."""

        def go_on() -> None:
            if stopped.is_set():
                raise ImageError("it was left unfinished")

        def progress(done: int, total: int) -> None:
            go_on()
            if self._tile_progress:
                self._tile_progress(name, done, total)

        width, height = result.size
        asked = time.perf_counter()
        with self._lock:  # there is one network, and it uses all cores by itself
            waited = time.perf_counter() - asked
            go_on()
            for rows, strip in self._restorer.strips(height, width, crop, progress):
                part = replace(result, pixels=result.pixels[rows], alpha=None)
                result.pixels[rows] = part.with_restored(strip).pixels
            if result.pixels.nbytes > _LARGE:
                self._restorer.backend.release()
        return waited

    def _networks(self, network: str | None) -> tuple[str, ...]:
        """Class names of the networks to choose from."""
        if network is None:
            return self.networks
        _one_of("network", str(network).lower(), tuple(name.lower() for name in self.networks))
        return tuple(name for name in self.networks if name.lower() == network.lower())

    def _check_options(self, local: bool, ensemble: bool) -> None:
        if local and self.network == "MIRNetv2":
            raise UsageError(
                "local is for MPRNet and MIRNet, which attend to averages: MIRNet-v2 chooses "
                "among all positions of the picture, and windows would take the choice away."
            )
        if ensemble and self._views == 2:
            raise UsageError(
                "ensemble turns and mirrors the picture, which exchanges the views of a "
                "dual-pixel camera: leave it out."
            )


def _record(model: str, task: str, network: str | None, scale: int | None) -> WeightsRecord:
    """The weights of the catalogue that were asked for."""
    if task == "SuperResolution":
        scales = sorted({record.scale for record in CATALOGUE if record.task == task})
        if scale not in scales:
            choices = ", ".join(map(str, scales))
            raise UsageError(f"Say how many times to enlarge: scale is one of {choices}.")
    else:
        scale = None  # whether it makes sense shows later
    return find_record(model, task, network, scale)


def _views(purpose: Purpose) -> int:
    """Pictures that enter the network together."""
    views = 2 if purpose.task == "DualPixelDeblurring" else 1
    if purpose.channels != 3 * views:
        raise UsageError(
            f"The weights are of a network for {purpose.channels} channels, and {purpose.task} "
            f"of photographs has {3 * views}: give other weights."
        )
    return views


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
    array = photo.to_array()
    return array if array.ndim == np.ndim(source.picture) else array[..., np.newaxis]


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
