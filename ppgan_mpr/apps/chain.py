"""Several tasks in order. Each step takes the output of the step before, without rounding."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..imaging import PhotoReader
from ..inference import (
    Cache,
    Crop,
    InferenceOptions,
    Restorer,
    RestorerPool,
    TilePlan,
    TileUse,
)
from ..inference.shared_statistics import SceneStatistics
from .lazy_weights import choose_weights
from .loaded_network import LoadedNetwork, load_network
from .predictor import Predictor
from .restoration import TileProgress
from .task_names import JOINT, steps_of

_TIMES_BETWEEN = 4  # a picture in float32 takes this many times the bytes of one in uint8


class ChainPredictor(Predictor):
    """Performs several tasks in order on each picture, such as denoising and then deblurring.

    Used like :class:`Predictor`. A picture is neither rounded nor written between the steps, but
    held whole in float32; with three steps or more, a step's input and output are held at once.
    Outputs go to ``output_path/<task>+<task>``. The record of a result names the networks and
    weights of all steps.

    Args:
        output_path: see :class:`Predictor`.
        task: the tasks, ``A,B``.
        options: for all steps; see :class:`~ppgan_mpr.InferenceOptions`.
        tile_progress: called for the tiles of every step, one step after the other.
        reader, dry_run: see :class:`Predictor`.
        **changes: see :class:`Predictor`.

    Raises:
        UsageError: a task cannot be one of several, or an option is invalid.
        WeightsError, DownloadError, MissingDependencyError: see :class:`Predictor`.

    Example:
        >>> chain = ChainPredictor(task='Denoising,Deblurring')        # doctest: +SKIP
        >>> chain.run('photo.jpg')[0].output                           # doctest: +SKIP
        PosixPath('output_dir/Denoising+Deblurring/photo_restoration.jpg')
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        *,
        task: str,
        options: InferenceOptions | None = None,
        tile_progress: TileProgress | None = None,
        reader: PhotoReader | None = None,
        dry_run: bool = False,
        **changes: Any,
    ):
        super().__init__(
            output_path,
            task=task,
            options=options,
            tile_progress=tile_progress,
            reader=reader,
            dry_run=dry_run,
            **changes,
        )

    def _load(
        self, weight_path: str | os.PathLike[str] | None, task: str | None, cache: Cache
    ) -> LoadedNetwork:
        assert task is not None  # this class requires it
        *earlier, last = (step.name for step in steps_of(task))
        loaded_last = super()._load(weight_path, last, cache)
        options = self.options.replace(stages=False)  # only the last step returns its stages
        loaded = []
        for name in earlier:
            weights = choose_weights(None, name, self.networks(), options, cache, self._dry_run)
            loaded.append(load_network(weights, options, cache, self._dry_run))
        return _joined([*loaded, loaded_last])


def _joined(steps: Sequence[LoadedNetwork]) -> LoadedNetwork:
    """Several networks in order, as one."""
    last, records = steps[-1], [step.common_record for step in steps]
    on_each_device = zip(*(step.restorers.restorers for step in steps))
    common_record = replace(
        last.common_record,
        task=JOINT.join(record.task for record in records),
        local=any(record.local for record in records),
        network=JOINT.join(dict.fromkeys(record.network for record in records)),
        weights=JOINT.join(record.weights for record in records),
        weights_digest=JOINT.join(record.weights_digest for record in records),
    )
    return replace(
        last,
        restorers=RestorerPool(list(map(_Sequence, on_each_device)), last.restorers.device),
        common_record=common_record,
        times_between=_TIMES_BETWEEN * min(2, len(steps) - 1),
        earlier_weights=tuple(step.weights for step in steps[:-1]),
    )


class _Sequence(Restorer):
    """Several restorers in order, used like one."""

    def __init__(self, restorers: Sequence[Restorer]):
        self._restorers = restorers
        self.backend = restorers[-1].backend  # all have the same options

    @property
    def memory_to_take(self) -> float:
        """See :class:`Restorer`."""
        return sum(restorer.memory_to_take for restorer in self._restorers)

    def load_ahead(self, height: int, width: int) -> None:
        """See :meth:`Restorer.load_ahead`; loads the network of the first step."""
        self._restorers[0].load_ahead(height, width)

    def forget(self) -> None:
        """See :meth:`Restorer.forget`."""
        self._restorers[0].forget()

    def release(self) -> None:
        """See :meth:`Restorer.release`."""
        for restorer in self._restorers:
            restorer.release()

    def plan(self, height: int, width: int) -> TilePlan:
        """See :meth:`Restorer.plan`: the number of tiles of all steps, with the last one's size."""
        plans = [restorer.plan(height, width) for restorer in self._restorers]
        count = sum(plan.count for plan in plans)
        return replace(plans[-1], count=count, memory=max(plan.memory for plan in plans))

    def strips(
        self,
        height: int,
        width: int,
        crop: Crop,
        progress: Callable[[int, int], None] | None = None,
        used: TileUse | None = None,
        scene: SceneStatistics | None = None,
        step: int = 0,
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """See :meth:`Restorer.strips`. The earlier steps are finished before the first strip."""
        used = used or TileUse()
        count, short = 0, None
        for number, restorer in enumerate(self._restorers[:-1]):
            own = TileUse()
            whole = np.empty([height, width, 3], np.float32)
            for rows, strip in restorer.strips(height, width, crop, progress, own, scene, number):
                np.clip(strip, 0, 1, out=whole[rows])
            crop = _crop_of(whole)
            count += own.count
            short = own if own.warning else short
        last = len(self._restorers) - 1
        yield from self._restorers[last].strips(height, width, crop, progress, used, scene, last)
        used.count += count
        if short and not used.warning:
            used.planned, used.smallest = short.planned, short.smallest
            used.planned_batch, used.smallest_batch = short.planned_batch, short.smallest_batch


def _crop_of(whole: np.ndarray) -> Crop:
    def crop(rows: slice, columns: slice) -> np.ndarray:
        return whole[rows, columns]

    return crop
