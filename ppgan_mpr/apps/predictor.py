"""Restores files: the predictor that programs call and the command line is built on."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageError, UsageError
from ..imaging import PhotoReader, from_array
from ..imaging.reduce import reduced
from ..inference import Cache, InferenceOptions, TileUse
from ..inference.backends import check_device
from ..inference.shared_statistics import SceneStatistics
from ..networks import NetworkSpec, networks
from ..weights import Weights
from .batch import Stop
from .destination import checked_path, folder_of, is_file_name, outputs_at
from .lazy_weights import choose_weights
from .loaded_network import LoadedNetwork, load_network, reserve_memory
from .network_input import blank_result, network_input
from .output_target import OutputTarget
from .outputs import Outputs
from .pixels import fill
from .plan import DRY_RUN, Plan, PlanRecord
from .planning import plan_pictures, plan_size
from .remarks import warn_of_failures
from .repeats import concurrent_pictures, restore_each
from .restoration import Restoration, TileProgress
from .result import Result, ResultRecord, Results
from .source_search import expand
from .sources import Source, unique
from .turn import Turn
from .views import check_views, pair_views


class Predictor:
    """Restores photographs at their full size with any network, and keeps their metadata.

    :class:`~ppgan_mpr.MPRPredictor` and :class:`~ppgan_mpr.MIRNetPredictor` are this class with
    the networks that they are named after. :meth:`restore` takes one picture and returns it
    restored. :meth:`run` restores files and reports on each.

    Several threads may share a predictor; their pictures then wait for each other. While weights
    are read and a network is exported for the first time, other threads must not create
    PaddlePaddle layers.

    Args:
        output_path: pictures go to ``output_path/<task>/<stem>_restoration.<ext>``. A path
            that ends in a picture's suffix, such as ``.png``, names the output file itself, for
            a single picture. With None no files are written, and ``Result.image`` holds the
            restored pictures.
        weight_path: a file or a name of weights, see :func:`~ppgan_mpr.weights.load_weights`;
            default: the weights of ``model``.
        seed: ignored, as restoration uses no random numbers. PaddleGAN has this argument.
        task: what to restore, in any letter case; see ``mprnet --list``. May be left out if
            the file at ``weight_path`` states the task. ``mprnet`` and ``ChainPredictor`` also
            take several tasks, ``A,B``: first A, then B.
        options: how to restore; see :class:`~ppgan_mpr.InferenceOptions`.
        tile_progress: called after each tile with the source's name, the number of finished
            tiles and the number of all tiles. For a picture of several tiles, it is also called
            before the first tile.
        reader: the object that reads the files; default: a reader with the limits that
            ``picture_limit`` and ``read_timeout`` set.
        keep_manifest: list in ``output_path`` how each output was made. Without this list,
            ``existing='skip'`` does not notice that an output is outdated, and keeps every
            existing file that can be read as a picture.
        dry_run: make a predictor that only plans. Its method :meth:`plan` reports what
            :meth:`run` would do with each picture, and downloads and writes nothing.
        **changes: options by name, such as ``model='lite'``, which replace those in
            ``options``.

    Raises:
        UsageError: an argument is invalid.
        WeightsError, DownloadError: the weights cannot be read or downloaded.
        MissingDependencyError: PaddlePaddle or the backend is not installed.
        TypeError: there is no such option.

    Attributes:
        options: how pictures are restored.
        network, task, scale: what the weights are for.
        local: whether the test-time local converter (TLC) is used.
        device: device that computes, such as ``cpu`` or ``gpu:0``.

    Example:
        >>> predictor = Predictor(task='Deraining', model='lite')      # doctest: +SKIP
        >>> restored = predictor.restore(array)                        # doctest: +SKIP
        >>> predictor.run('holiday/')[0].output                        # doctest: +SKIP
        PosixPath('output_dir/Deraining/rain_restoration.jpg')
    """

    @classmethod
    def networks(cls) -> tuple[NetworkSpec, ...]:
        """The networks to choose from. A task's default is the first one with weights for it."""
        return networks()

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        weight_path: str | os.PathLike[str] | None = None,
        seed: int | None = None,
        task: str | None = None,
        *,
        options: InferenceOptions | None = None,
        tile_progress: TileProgress | None = None,
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
        cache = Cache.of_user(read_only=dry_run)
        self._loaded = self._load(weight_path, task, cache)
        self._pace = self._loaded.pace(cache, self.options)
        common = self._loaded.common_record
        self.network, self.task, self.scale = common.network, common.task, common.scale
        self.local, self.device = common.local, common.device

    def _load(
        self, weight_path: str | os.PathLike[str] | None, task: str | None, cache: Cache
    ) -> LoadedNetwork:
        """Load the network that the arguments ask for."""
        weights = choose_weights(
            weight_path, task, self.networks(), self.options, cache, self._dry_run
        )
        return load_network(weights, self.options, cache, self._dry_run)

    @property
    def weights(self) -> Weights:
        """The weights in use. A network that was exported earlier runs without reading them."""
        return self._loaded.weights.weights

    @property
    def common_record(self) -> ResultRecord:
        """What the records of all pictures have in common; its source is empty."""
        return self._loaded.common_record

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
            right: the right view, for a task with two views; ``image`` is then the left one.

        Returns:
            For an array, an array of the same dtype, shape and range; for a PIL image, a PIL
            image; for a file in any form, an array. A task that enlarges returns ``scale`` times
            the height and the width.

        Raises:
            RestorationError: the picture cannot be read or restored; ImageError and UsageError
                are its most frequent subclasses.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        sources = self._sources(image, right)
        if len(sources) != 1:
            raise UsageError(f"restore() takes one picture, not {len(sources)}: use run().")
        restoration = self._restoration()
        try:
            with self._reader.budget.share() as memory:
                return restoration.restore(sources[0], Turn(Stop(), memory)).image
        except MemoryError:
            raise ImageError(f"{sources[0].name}: {restoration.too_large}") from None

    def run(self, images: Any, right: Any = None) -> Results:
        """Restore pictures and report on each. A failure never stops the other pictures.

        ``Result.error`` holds a failure. The number of failures is logged.

        Args:
            images: a folder, a glob, anything that :meth:`restore` takes, or a list of these.
            right: the right views in the same form, for a task with two views; ``images`` are
                then the left ones. Files in folders are paired by their names.

        Returns:
            A result for each picture, in order; a list of pictures gives as many results. In a
            notebook the results are displayed as a gallery.

        Raises:
            UsageError: a path does not exist, there is no picture in it, or a view lacks its
                partner.
        """
        results = Results(self.iterate(images, right=right))
        warn_of_failures(results)
        return results

    def iterate(
        self, images: Any, stop: threading.Event | None = None, right: Any = None
    ) -> Iterator[Result]:
        """Restore pictures in order, and yield each result as soon as it is there.

        A file that is named several times is restored once. Its result is repeated.

        Args:
            images: see :meth:`run`; or the sources that
                :func:`~ppgan_mpr.apps.source_search.expand` lists.
            stop: ends the iteration when it is set. Pictures that are being restored are left
                unfinished after their current tile. Finished pictures are still yielded.
            right: see :meth:`run`.

        Raises:
            UsageError: see :meth:`run`; or the number of views is wrong for the task; or there
                are several pictures and one output file.
        """
        sources = self._sources(images, right)
        process = self.prepare(unique(sources))
        jobs = concurrent_pictures(self.options.jobs, len(self._loaded.restorers))
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
        """Restore one of several similar pictures, such as the frames of a shot in a video.

        Args:
            frame: [H, W, 3], uint8 or uint16, RGB.
            scene: statistics of the first frame, which the other frames share so that brightness
                does not flicker. Pass an empty one with the first frame.
            check: called after each tile; may raise an error to end the restoration.

        Returns:
            The restored frame in the same type, and the tiles that it took. A task that enlarges
            returns ``scale`` times the height and the width.

        Raises:
            MemoryError: not even the smallest tile fits.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        photo = from_array(frame)
        if self.options.max_size:
            photo = reduced(photo, self.options.max_size)
        crop = network_input(photo, None, self.scale)
        result, used = blank_result(photo, self.scale, in_place=False), TileUse()
        moments: list[float] = []

        def progress(done: int, total: int) -> None:
            if done:
                moments.append(time.perf_counter())
            check()

        with self._loaded.restorers.lend() as restorer:
            moments.append(time.perf_counter())
            fill(
                result,
                (),
                restorer,
                crop,
                self.options.strength,
                progress,
                used,
                scene,
            )
            self._pace.note(math.prod(used.smallest), moments)
        return result.to_array(), used

    def release(self) -> None:
        """Free the memory of the networks, which the next picture loads again.

        Pictures that other threads are computing are not affected, but may take longer.
        """
        for restorer in self._loaded.restorers.restorers:
            restorer.release()

    def remember_pace(self) -> None:
        """Store the speed of the restored frames, from which :meth:`plan` estimates times."""
        self._pace.save()

    def plan(self, images: Any, right: Any = None) -> Plan:
        """Find out from the headers of the pictures what :meth:`run` would do.

        Nothing is restored or written. Times are estimated from earlier runs on this machine.

        Args:
            images, right: see :meth:`run`.

        Returns:
            A list with a record for each distinct picture, in order.

        Raises:
            UsageError: see :meth:`run`.
        """
        distinct = unique(self._sources(images, right))
        outputs = self._outputs(distinct, dry_run=True)
        pace = self._pace.remembered()
        return plan_pictures(distinct, self._loaded, outputs, self._reader, self.options, pace)

    def plan_frame(self, width: int, height: int) -> PlanRecord:
        """Find out what :meth:`restore_frame` would do with a frame; nothing is restored.

        Args:
            width, height: size of the frame in pixels.

        Returns:
            A record whose source is empty.
        """
        pace = self._pace.remembered()
        return plan_size(self._loaded, width, height, self.options.max_size, pace)

    @property
    def download(self) -> int | None:
        """Size of the weights that would be downloaded first; see :class:`.plan.Plan`."""
        return self._loaded.download

    def prepare(
        self, sources: Sequence[Source], outputs_of: Callable[[str], OutputTarget] | None = None
    ) -> Callable[[Source, Turn], Result]:
        """The function that restores one picture after another into one set of outputs.

        Args:
            sources: the distinct pictures, for whose outputs names are reserved. The function
                also restores other pictures, under names that are still free.
            outputs_of: task's name → where the results go; default: files at ``output_path``.

        Raises:
            UsageError: there are several pictures and one output file.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        outputs = self._outputs(sources) if outputs_of is None else outputs_of(self.task)
        for restorer in self._loaded.restorers.restorers:
            reserve_memory(restorer, self._reader.budget)
        # Without isolation, a file that crashes its decoder would stop the other pictures, too.
        isolated = len(sources) > 1 or outputs_of is not None
        return self._restoration(outputs, isolated).process

    def _restoration(
        self, outputs: OutputTarget | None = None, isolated: bool = False
    ) -> Restoration:
        return Restoration(
            self._loaded,
            self.options,
            self._reader,
            self._pace,
            outputs,
            isolated,
            self._tile_progress,
        )

    def _outputs(self, sources: Sequence[Source], dry_run: bool = False) -> Outputs | None:
        return outputs_at(
            self.output_path,
            self.task,
            self.options,
            sources,
            self.common_record,
            self._reader,
            self._keep_manifest,
            dry_run,
        )

    def _sources(self, images: Any, right: Any) -> list[Source]:
        """The pictures that the arguments of :meth:`run` name, with the views of the task."""
        path = self.output_path
        folder = None if path is None or is_file_name(path) else path
        sources = expand(images, self.options.recursive, folder)
        if right is not None:
            sources = pair_views(sources, expand(right, self.options.recursive, folder))
        check_views(sources, self._loaded.task)
        return sources
