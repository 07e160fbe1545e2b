"""Progressive training: patches that grow while batches shrink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import UsageError
from .batches import share_batch
from .config import constructor_arguments
from .options import COUNT

_KEYS = ("iters", "patch_size", "batch_size")
_TOTAL = "total_batch_size"


class Phase(NamedTuple):
    """Consecutive iterations with equal batch and patch sizes.

    Attributes:
        iters: number of iterations.
        patch_size: side of the patches in pixels.
        batch_size: number of this process's pictures in each update.
        accumulate: number of slices that pass through the network one after the other.
    """

    iters: int
    patch_size: int
    batch_size: int
    accumulate: int = 1

    def __str__(self) -> str:
        slices = f", {self.accumulate} slices each" if self.accumulate > 1 else ""
        return f"{self.patch_size}x{self.patch_size} pixels in batches of {self.batch_size}{slices}"


class Progressive:
    """A schedule of the patch and batch sizes of all iterations.

    A network learns faster from many small patches and sees more context in few large ones.
    MIRNet-v2 begins with small patches and ends with large ones (arXiv 2205.01649).

    Args:
        phases: mappings with ``iters`` (number of iterations), ``patch_size`` (pixels, a multiple
            of 8) and ``batch_size`` (of each process), in order. The last phase continues to the
            end of the run. A phase may also have ``total_batch_size``: the processes share that
            number of pictures, and ``batch_size`` is the size of the largest slice, which
            determines the number of slices.
        world_size: number of processes.
        accumulate: number of slices in phases without ``total_batch_size``.

    Raises:
        UsageError: a key is missing or unknown, a number is impossible, or the processes cannot
            share a total equally.
    """

    def __init__(
        self, phases: Sequence[Mapping[str, Any]], world_size: int = 1, accumulate: int = 1
    ) -> None:
        if not isinstance(phases, Sequence) or not phases:
            raise UsageError(f"dataset.train.progressive is {phases!r}: give a list of phases.")
        self.phases = [
            _phase(number, phase, world_size, accumulate) for number, phase in enumerate(phases)
        ]

    @classmethod
    def take_from(
        cls, settings: dict[str, Any], world_size: int = 1, accumulate: int = 1
    ) -> Progressive | None:
        """Remove ``progressive`` from a data set's settings; put the first phase's sizes there.

        A size that is null counts as absent.

        Args:
            settings: section ``dataset.train``; changed in place.
            world_size, accumulate: see the class.

        Raises:
            UsageError: the settings give a batch or patch size in addition to the schedule.
        """
        phases = settings.pop("progressive", None)
        if phases is None:
            return None
        schedule = cls(phases, world_size, accumulate)
        places = [("dataset.train", settings, "batch_size")]
        inner = settings.get("dataset", settings)  # the data set inside a RepeatDataset
        if "img_options" in constructor_arguments(inner["name"]):
            inner["img_options"] = inner.get("img_options") or {}
            places.append(("img_options", inner["img_options"], "patch_size"))
        for where, section, key in places:
            if section.get(key) is not None:
                raise UsageError(
                    f"dataset.train.progressive gives the {key} of every iteration: leave "
                    f"{key} out of {where}, or set {key}: null there if a _base_ file sets it."
                )
            section[key] = getattr(schedule.phases[0], key)
        return schedule

    def at(self, iteration: int) -> Phase:
        """The phase of an iteration; iterations count from 1."""
        for phase in self.phases:
            if iteration <= phase.iters:
                return phase
            iteration -= phase.iters
        return self.phases[-1]

    def __str__(self) -> str:
        begins = [
            1 + sum(phase.iters for phase in self.phases[:n]) for n in range(len(self.phases))
        ]
        return ", ".join(f"from iteration {b} {phase}" for b, phase in zip(begins, self.phases))


def _phase(number: int, given: Mapping[str, Any], world_size: int, accumulate: int) -> Phase:
    where = f"dataset.train.progressive.{number}"
    if not isinstance(given, Mapping) or set(given) - {_TOTAL} != set(_KEYS):
        raise UsageError(
            f"{where} must have exactly the keys {', '.join(_KEYS)}, and optionally {_TOTAL}."
        )
    checked = {key: COUNT.check(f"{where}.{key}", value) for key, value in given.items()}
    total = checked.pop(_TOTAL, None)
    phase = Phase(**checked, accumulate=accumulate)
    if phase.patch_size % 8:
        raise UsageError(f"{where}.patch_size is {phase.patch_size}: give a multiple of 8.")
    if total is None:
        return phase
    plan = share_batch(total, phase.batch_size, world_size, accumulate, f"{where}.{_TOTAL}")
    return phase._replace(**plan._asdict())
