"""Several tasks in order: the output of one is the input of the next, without rounding."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import UsageError
from ..imaging import PhotoReader
from ..inference import Crop, InferenceOptions, Restorer, RestorerPool, TilePlan, TileUse
from ..inference.shared_statistics import SceneStatistics
from ..networks import Task, find_task
from .predictor import Predictor

# Times the bytes of an 8-bit picture that it takes between two tasks, in float32.
_TIMES_BETWEEN = 4
#: Between the names of tasks in the name of the folder of their outputs.
JOINT = "+"
#: The name of a task that stands for the one which a picture needs.
AUTO = "auto"


def steps_of(task: str) -> tuple[Task, ...]:
    """The tasks that ``A,B`` or ``A+B`` names, in order.

    Raises:
        UsageError: one is unknown, named twice, or cannot be a step.
    """
    names = [name.strip() for name in task.replace(JOINT, ",").split(",")]
    if len(names) > 1 and not all(names):
        raise UsageError(f"task={task!r} names no task beside a comma: leave the comma out.")
    if len(names) > 1 and AUTO in map(str.lower, names):
        raise UsageError(
            f"task={task!r}: {AUTO!r} chooses a task for each picture, so it cannot be one of "
            f"several: name the tasks, or {AUTO!r} alone."
        )
    steps = tuple(map(find_task, names))
    for step in steps:
        if len(steps) > 1 and (step.views > 1 or step.enlarges):
            raise UsageError(
                f"task={task!r}: {step.name} takes a picture of another size or number of views, "
                "so it cannot be one of several tasks: run it by itself."
            )
        if steps.count(step) > 1:
            raise UsageError(f"task={task!r}: {step.name} is named twice: name each task once.")
    return steps


class ChainPredictor(Predictor):
    """Several tasks in order on each picture, such as denoising and then deblurring.

    Used like :class:`Predictor`. Between the steps a picture stays float32: it is neither
    rounded nor written. Outputs go to ``output_path/<task>+<task>``, and the record of a result
    names the networks and weights of all steps. The whole picture is held once in float32.

    Args:
        output_path: see :class:`Predictor`.
        task: the tasks, ``A,B``.
        options: for all steps; see :class:`~ppgan_mpr.InferenceOptions`.
        tile_progress: called for the tiles of every step, one step after the other.
        reader, dry_run: see :class:`Predictor`.
        **changes: see :class:`Predictor`.

    Raises:
        UsageError: a task cannot be one of several, or an option makes no sense.
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
        tile_progress: Callable[[str, int, int], None] | None = None,
        reader: PhotoReader | None = None,
        dry_run: bool = False,
        **changes: Any,
    ):
        names = [step.name for step in steps_of(task)]
        super().__init__(
            output_path,
            task=names[-1],
            options=options,
            tile_progress=tile_progress,
            reader=reader,
            dry_run=dry_run,
            **changes,
        )
        between = self.options.replace(stages=False)  # of the last step only
        earlier = [
            Predictor(None, task=name, options=between, reader=self._reader, dry_run=dry_run)
            for name in names[:-1]
        ]
        steps: tuple[Predictor, ...] = (*earlier, self)
        facts = [step._facts for step in steps]
        on_each_device = zip(*(step._restorers.restorers for step in steps))
        self.task = JOINT.join(names)
        self.local = any(step.local for step in steps)
        self._restorers = RestorerPool(list(map(_Sequence, on_each_device)), self.device)
        # Replaces what the last step's records have in common.
        self._facts = replace(
            facts[-1],
            task=self.task,
            local=self.local,
            network=JOINT.join(dict.fromkeys(fact.network for fact in facts)),
            weights=JOINT.join(fact.weights for fact in facts),
            weights_digest=JOINT.join(fact.weights_digest for fact in facts),
        )

    def _times_held(self, in_place: bool) -> float:
        return super()._times_held(in_place) + _TIMES_BETWEEN


class _Sequence(Restorer):
    """Restorers one after another, with the interface of one."""

    def __init__(self, restorers: Sequence[Restorer]):
        self._restorers = restorers
        self.backend = restorers[-1].backend  # all have the same options

    @property
    def memory_to_take(self) -> float:
        """See :class:`Restorer`."""
        return sum(restorer.memory_to_take for restorer in self._restorers)

    def plan(self, height: int, width: int) -> TilePlan:
        """See :meth:`Restorer.plan`; the tiles of all steps, of the size of the last one's."""
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
        """See :meth:`Restorer.strips`; all steps but the last are done before the first strip."""
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


def _crop_of(whole: np.ndarray) -> Crop:
    def crop(rows: slice, columns: slice) -> np.ndarray:
        return whole[rows, columns]

    return crop
