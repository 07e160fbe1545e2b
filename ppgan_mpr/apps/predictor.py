"""Restoring files: the predictor that programs call and the command line is built on."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageError, RestorationError, UsageError
from ..imaging import Photo, PhotoReader, from_array
from ..imaging.reduce import reduced
from ..inference import Cache, Crop, InferenceOptions, Model, Restorer, RestorerPool, TileUse
from ..inference.backends import check_device
from ..inference.backends.allocation import is_allocation_failure
from ..inference.shared_statistics import SceneStatistics
from ..networks import NetworkSpec, Task, find_network, find_task, networks
from ..versions import versions
from ..weights import Weights
from .batch import Stop, StoppedError
from .destination import checked_path, folder_of, is_file_name, outputs_at
from .fit import check_fit
from .lazy_weights import ModelInfo, choose_weights
from .network_input import blank_result, network_input
from .output_target import OutputTarget
from .outputs import Outputs, permissions
from .pace import Pace
from .pixels import blank_stages, fill
from .plan import DRY_RUN, Plan, PlanRecord, with_output, with_tiles
from .remarks import unkept_warning, warn_of_weakness, warnings_before
from .repeats import concurrent_pictures, restore_each
from .result import Result, ResultRecord, Results
from .sources import Source, check_views, expand, pair_views, unique
from .turn import Turn

logger = logging.getLogger(__name__)

# Bytes of a picture for whose file, several times as large, the network makes room.
_LARGE = 1 << 27
# Times its bytes that writing a picture takes: a copy of the pixels, the file, a copy of that.
_TIMES_ENCODED = 3


class Predictor:
    """Restores photographs at their full size with any network, losing nothing of them.

    :class:`~ppgan_mpr.MPRPredictor` and :class:`~ppgan_mpr.MIRNetPredictor` are this class with
    the networks that they are named after. :meth:`restore` takes one picture and returns it
    restored; :meth:`run` restores files and reports on each.

    May be used by several threads, whose pictures then wait for each other. But while weights
    are read and a network is exported for the first time, PaddlePaddle is in a state in which
    no other thread can make layers of its own.

    Args:
        output_path: pictures go to ``output_path/<task>/<stem>_restoration.<ext>``. A name that
            ends in the suffix of a picture is the file for a single picture. None writes no
            files, and the restored pictures are in ``Result.image``.
        weight_path: a weights file of any form, or a name, that
            :func:`~ppgan_mpr.weights.load_weights` takes; default: those of ``model``.
        seed: accepted for PaddleGAN's sake; restoration draws no random numbers.
        task: what to restore, in any case: see ``mprnet --list``; with ``weight_path`` it may
            be left out when the weights say it.
        options: how to restore; see :class:`~ppgan_mpr.InferenceOptions`.
        tile_progress: called with the source's name, the number of finished tiles and of all;
            of a picture of several tiles also when the first one begins.
        reader: reads the files; default: one with the limits in the options.
        keep_manifest: list in ``output_path`` how each output was made; without that list,
            ``existing='skip'`` keeps every output that is a picture.
        dry_run: make a predictor for :meth:`plan` alone, without downloading or writing anything.
        **changes: options by name, such as ``model='lite'``; they take the place of those in
            ``options``.

    Raises:
        UsageError: an argument makes no sense.
        WeightsError, DownloadError: the weights cannot be had.
        MissingDependencyError: PaddlePaddle or the backend is not installed.
        TypeError: there is no such option.

    Attributes:
        options: in force.
        network, task, scale: what the weights are for.
        local: whether TLC is used.
        device: what computes.

    Example:
        >>> predictor = Predictor(task='Deraining', model='lite')      # doctest: +SKIP
        >>> restored = predictor.restore(array)                        # doctest: +SKIP
        >>> predictor.run('holiday/')[0].output                        # doctest: +SKIP
        PosixPath('output_dir/Deraining/rain_restoration.jpg')
    """

    @classmethod
    def networks(cls) -> tuple[NetworkSpec, ...]:
        """The networks to choose from; for a task the first that has weights is the default."""
        return networks()

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        weight_path: str | os.PathLike[str] | None = None,
        seed: int | None = None,
        task: str | None = None,
        *,
        options: InferenceOptions | None = None,
        tile_progress: Callable[[str, int, int], None] | None = None,
        reader: PhotoReader | None = None,
        keep_manifest: bool = True,
        dry_run: bool = False,
        **changes: Any,
    ):
        if not isinstance(options, (InferenceOptions, type(None))):
            raise UsageError(
                f"options= takes InferenceOptions and not {type(options).__name__}: give options "
                "by name, such as model='lite'."
            )
        self.options = (options or InferenceOptions()).replace(**changes)
        check_device(self.options)  # before weights are downloaded
        self.output_path = None if output_path is None else checked_path(output_path)
        self._tile_progress = tile_progress
        self._reader = reader or PhotoReader(self.options.limits)
        self._keep_manifest, self._dry_run = keep_manifest, dry_run
        cache, choice = Cache.of_user(read_only=dry_run), self.networks()
        self._weights = choose_weights(weight_path, task, choice, self.options, cache, dry_run)
        self.info: ModelInfo = self._weights.info
        spec = find_network(self.info.network)
        self.network, self.task, self.scale = spec.name, self._task.name, self.info.scale or 1
        check_fit(self.info, self._task, spec, self.options)
        warn_of_weakness(self._weights.record)
        self.local = self.info.local if self.options.local is None else self.options.local
        build_model = partial(
            Model,
            self._weights.identity,
            spec,
            lambda: self._weights.build(),
            cache,
            channels=self.info.channels,
            local=self.local,
            stages=self.options.stages,
            title=f"{spec.title} ({self.task})",
            silent=dry_run,
        )
        self._restorers = RestorerPool.on_devices(build_model, self.options)
        self._earlier_stages = spec.stages - 1 if self.options.stages else 0
        self.device = self._restorers.device
        first = self._restorers.first
        self._versions = versions(first.backend.name)
        self._cache = cache
        self._pixel_options = {**self.options.pixel_options(), "memory": first.budget}

    @property
    def weights(self) -> Weights:
        """The weights in use; a network that was exported earlier runs without reading them."""
        return self._weights.weights

    @property
    def common_record(self) -> ResultRecord:
        """What the records of all pictures have in common."""
        return self._facts

    @property
    def output_folder(self) -> Path | None:
        """The folder of the outputs; None where no files are written."""
        return None if self.output_path is None else folder_of(self.output_path, self.task)

    def restore(self, image: Any, right: Any = None) -> Any:
        """Restore one picture and return it.

        Args:
            image: a numpy array ([H, W], [H, W, 1..4], RGB order; uint8, uint16, or float in
                [0, 1]), a PIL image, the path of a file, the bytes of one, or an open binary
                file.
            right: for a task with two views, where ``image`` is the left one, the right one.

        Returns:
            For an array, an array of the same dtype, shape and range (of a task that enlarges,
            ``scale`` times as high and wide); for a PIL image, a PIL image; for a file in any
            form, an array.

        Raises:
            RestorationError: the picture cannot be read or restored; ImageError and UsageError
                are its most frequent forms.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        sources = self._sources(image, right)
        if len(sources) != 1:
            raise UsageError(f"restore() takes one picture, not {len(sources)}: use run().")
        check_views(sources, self._task)
        try:
            with self._reader.budget.share() as memory:
                return self._restore_source(sources[0], Turn(Stop(), memory)).image
        except MemoryError:
            raise ImageError(f"{sources[0].name}: {self._too_large}") from None

    def run(self, images: Any, right: Any = None) -> Results:
        """Restore pictures and report on each; one that fails never stops the others.

        Failures are in ``Result.error``; their number is logged.

        Args:
            images: a folder, a glob, whatever :meth:`restore` takes, or a list of these.
            right: for a task with two views, where ``images`` are the left ones, the right ones
                in the same form; files of folders belong together by their names.

        Returns:
            A list with a result for each picture, in order; a list of pictures gives exactly as
            many. In a notebook it displays itself as a gallery.

        Raises:
            UsageError: a path does not exist, there is no picture in it, or views lack their
                partners.
        """
        results = Results(self.iterate(images, right=right))
        failed = sum(not result.ok for result in results)
        if failed:
            logger.warning(
                "%d of %d pictures could not be restored: see the error of their results.",
                failed,
                len(results),
            )
        return results

    def iterate(
        self, images: Any, stop: threading.Event | None = None, right: Any = None
    ) -> Iterator[Result]:
        """Restore pictures in order, yielding each result as soon as it is there.

        A file that is named several times is restored once, and its result repeated.

        Args:
            images: what :meth:`run` takes, or what :func:`~ppgan_mpr.apps.sources.expand` makes
                of it.
            stop: when it is set, what is being restored is left unfinished after its current
                tile, what is finished is still yielded, and the iteration ends.
            right: see :meth:`run`.

        Raises:
            UsageError: see :meth:`run`; or a picture has one view and the network takes two, or
                the reverse; or there are several pictures and one output file.
        """
        sources = self._sources(images, right)
        check_views(sources, self._task)
        process = self.prepare(unique(sources))
        jobs = concurrent_pictures(self.options.jobs, len(self._restorers))
        try:
            yield from restore_each(sources, process, jobs, stop, self._reader.budget)
        finally:
            self._pace.save()

    def restore_frame(
        self,
        frame: np.ndarray,
        scene: SceneStatistics,
        check: Callable[[], None] = lambda: None,
    ) -> tuple[np.ndarray, TileUse]:
        """Restore one of several pictures that look alike, such as the frames of a video's shot.

        Args:
            frame: [H, W, 3], uint8 or uint16, RGB.
            scene: shares the statistics of its first frame with the others, so that brightness
                does not flicker. The first frame gets one without any.
            check: called after each tile; what it raises ends the restoration.

        Returns:
            The restored frame in the same type, of a task that enlarges ``scale`` times as high
            and wide; and the tiles that it took.

        Raises:
            MemoryError: not even the smallest tile fits.
        """
        photo = from_array(frame)
        if self.options.max_size:
            photo = reduced(photo, self.options.max_size)
        crop = network_input(photo, None, self.scale)
        result, used = blank_result(photo, self.scale, in_place=False), TileUse()
        with self._restorers.lend() as restorer:
            fill(
                result,
                (),
                restorer,
                crop,
                self.options.strength,
                lambda done, total: check(),
                used,
                scene,
            )
        return result.to_array(), used

    def record_of(self, source: str) -> ResultRecord:
        """A record that says how this predictor restores, for a source without a result yet."""
        return self._record(source)

    def plan(self, images: Any, right: Any = None) -> Plan:
        """Find out what :meth:`run` would do, from the headers of the pictures.

        Nothing is restored or written. What runs before have measured on this machine tells how
        long it would take.

        Args:
            images, right: see :meth:`run`.

        Returns:
            A list with a record for each distinct picture, in order.

        Raises:
            UsageError: see :meth:`run`.
        """
        sources = self._sources(images, right)
        check_views(sources, self._task)
        distinct = unique(sources)
        outputs = self._outputs(distinct, dry_run=True)
        pace = self._pace.remembered()
        records = [self._plan_picture(source, outputs, pace) for source in distinct]
        return Plan(records, self._weights.download)

    def prepare(
        self, sources: Sequence[Source], outputs_of: Callable[[str], OutputTarget] | None = None
    ) -> Callable[[Source, Turn], Result]:
        """The function that restores one picture after another into one set of outputs.

        Args:
            sources: the distinct pictures, whose outputs' names are reserved. Others may be
                restored too, where no name is reserved or taken.
            outputs_of: from the task's name, where the results go; default: files at
                ``output_path``.

        Raises:
            UsageError: there are several pictures and one output file.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        outputs = self._outputs(sources) if outputs_of is None else outputs_of(self.task)
        for restorer in self._restorers.restorers:
            self._set_memory_aside(restorer)
        # A single picture has no others that its file could take with it.
        isolated = len(sources) > 1 or outputs_of is not None
        return partial(self._process, outputs=outputs, isolated=isolated)

    def _outputs(self, sources: Sequence[Source], dry_run: bool = False) -> Outputs | None:
        return outputs_at(
            self.output_path,
            self.task,
            self.options,
            sources,
            self._record(""),
            self._reader,
            self._keep_manifest,
            dry_run,
        )

    def _plan_picture(
        self, source: Source, outputs: Outputs | None, pace: float | None
    ) -> PlanRecord:
        """What would be done with one picture."""
        facts = self._facts
        record = PlanRecord(
            source.name,
            network=facts.network,
            task=facts.task,
            weights=facts.weights,
            backend=facts.backend,
            precision=facts.precision,
            device=facts.device,
        )
        record, photo = with_output(record, source, outputs, self._reader, self.options.max_size)
        if photo is None or not record.to_do:
            return record
        width, height = (self.scale * side for side in photo.size)
        times = self._times_held(source.path is not None)
        tiles = self._restorers.first.plan(height, width)
        return with_tiles(record, photo, (width, height), tiles, times, pace)

    def _process(
        self, source: Source, turn: Turn, outputs: OutputTarget | None, isolated: bool
    ) -> Result:
        """Restore one picture; whatever goes wrong is in the result."""
        try:
            return self._restore_source(source, turn, outputs, isolated)
        except StoppedError:
            raise
        except (RestorationError, OSError) as error:
            return self._failure(source, str(error))
        except Exception as error:  # a fault of ours or of a backend costs one picture, not all
            if is_allocation_failure(error):
                return self._failure(source, self._too_large)
            logger.debug("%s", source.name, exc_info=True)
            return self._failure(source, f"unexpected {type(error).__name__}: {error}")

    def _restore_source(
        self,
        source: Source,
        turn: Turn,
        outputs: OutputTarget | None = None,
        isolated: bool = False,
    ) -> Result:
        turn.check()
        memory, waited_before = turn.memory, turn.memory.waited
        started = time.perf_counter()
        finished = outputs.finished(source) if outputs else None
        if outputs and finished:
            record = self._record(
                source.name, output=finished, skipped=True, warnings=outputs.remarks(finished)
            )
            return Result(record, None, source)
        files = outputs.note_files(source) if outputs else ()
        in_place = source.path is not None  # a picture from memory stays as it is
        memory.times = self._times_held(in_place)
        photo = source.read(self._reader, isolated, memory)
        memory.decoded(photo.pixels.nbytes)
        right = None
        if source.right:
            right = source.right.read(self._reader, isolated, memory)
            memory.decoded(right.pixels.nbytes)
        full_size = photo.size
        if self.options.max_size:
            photo = reduced(photo, self.options.max_size)
            right = right and reduced(right, self.options.max_size)
        warnings = warnings_before(self._task, self.options.max_size, full_size, photo, right)
        crop = network_input(photo, right, self.scale)
        result = blank_result(photo, self.scale, in_place)
        size = result.size
        output = outputs.claim(source, result) if outputs else None
        if outputs and output:
            warnings += outputs.remarks(output)
            if outputs.keeps(output):
                record = self._record(
                    source.name, output=output, size=size, skipped=True, warnings=warnings
                )
                return Result(record, None, source)
        warnings += unkept_warning(result, output, source.is_pillow)
        stages = blank_stages(result, self._earlier_stages)
        stage_files = outputs.stages.claim(output, len(stages)) if outputs and output else ()
        waited, used = self._fill(result, stages, crop, source.name, turn)
        waited += memory.waited - waited_before
        warnings += (used.warning,) if used.warning else ()
        del photo, right, crop  # a large picture's memory is wanted for its file
        if outputs and output:
            mode = permissions(source)
            for stage, file in zip(stages, stage_files):
                outputs.stages.write(stage, file, mode=mode, quality=self.options.quality)
            written = outputs.write(source, result, output, self.options.quality)
            if written is None:  # another program was faster
                record = self._record(
                    source.name,
                    output=output,
                    size=size,
                    skipped=True,
                    warnings=outputs.remarks(output),
                )
                return Result(record, None, source)
            output = written
        record = self._record(
            source.name,
            output=output,
            stages=tuple(map(str, stage_files)),
            size=size,
            seconds=time.perf_counter() - started - waited,
            used=used,
            warnings=warnings,
            detected=source.detected,
        )
        if outputs and output:
            more = outputs.list_made(record, output, source, files)
            record = replace(record, warnings=record.warnings + more)
        shown = source.path is None or output is None
        if not shown:
            return Result(record, None, source)
        return Result(record, source.like(result), source, tuple(map(source.like, stages)))

    def _fill(
        self, result: Photo, stages: Sequence[Photo], crop: Crop, name: str, turn: Turn
    ) -> tuple[float, TileUse]:
        """Fill the pixels of ``result``, and of the outputs of earlier stages.

        Returns:
            The seconds spent waiting for the network, and the tiles that it took.
        """
        used = TileUse()
        moments: list[float] = []

        def progress(done: int, total: int) -> None:
            if done:
                moments.append(time.perf_counter())
            turn.check()
            if self._tile_progress:
                self._tile_progress(name, done, total)

        asked = time.perf_counter()
        with self._restorers.lend() as restorer:  # on a CPU there is one, which uses all cores
            waited = time.perf_counter() - asked
            turn.check()
            moments.append(time.perf_counter())
            fill(result, stages, restorer, crop, self.options.strength, progress, used)
            self._pace.note(math.prod(used.smallest), moments)
            if result.pixels.nbytes > _LARGE:
                restorer.backend.release()
            self._set_memory_aside(restorer)
        return waited, used

    def _set_memory_aside(self, restorer: Restorer) -> None:
        """Keep free what a network may still take, or its tiles would have to be smaller."""
        self._reader.budget.reserve(restorer, restorer.memory_to_take)

    def _times_held(self, in_place: bool) -> float:
        """How many times the bytes of a decoded picture its restoration holds at most."""
        results = self._earlier_stages + (not in_place or self.scale > 1)
        return 1 + self.scale**2 * (results + _TIMES_ENCODED)

    @property
    def _task(self) -> Task:
        assert self.info.task is not None  # LazyWeights has made sure
        return find_task(self.info.task)

    @property
    def _too_large(self) -> str:
        return f"it does not fit the memory of {self.device}, not even in small tiles"

    @cached_property
    def _facts(self) -> ResultRecord:
        """What the records of all pictures have in common."""
        backend = self._restorers.first.backend
        return ResultRecord(
            source="",
            network=self.network,
            task=self.task,
            scale=self.scale,
            local=self.local,
            weights=self._weights.name,
            weights_digest=self._weights.digest,
            backend=backend.name,
            precision=backend.precision,
            device=self.device,
            threads=backend.threads,
            options=self._pixel_options,
            versions=self._versions,
        )

    @cached_property
    def _pace(self) -> Pace:
        facts = self._facts
        what = facts.network, facts.task, facts.weights_digest, facts.local
        how = facts.backend, facts.precision, facts.device, facts.threads
        return Pace(self._cache, *what, *how, self.options.ensemble, self.options.stages)

    def _record(
        self, source: str, *, output: Path | None = None, used: TileUse | None = None, **facts: Any
    ) -> ResultRecord:
        if output is not None:
            facts["output"] = str(output)
        if used is not None:
            tall, wide = used.smallest
            facts.update(device=used.device, tiles=used.count, tile=(wide, tall))
        return replace(self._facts, source=source, **facts)

    def _failure(self, source: Source, error: str) -> Result:
        return Result(self._record(source.name, error=error), None, source)

    def _sources(self, images: Any, right: Any) -> list[Source]:
        path = self.output_path
        folder = None if path is None or is_file_name(path) else path
        sources = expand(images, self.options.recursive, folder)
        if right is not None:
            sources = pair_views(sources, expand(right, self.options.recursive, folder))
        return sources
