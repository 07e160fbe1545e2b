"""Progressive training: patches that grow while batches shrink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import UsageError
from .config import constructor_arguments
from .options import COUNT


class Step(NamedTuple):
    """A stretch of iterations whose batches have one size."""

    iters: int
    patch_size: int
    batch_size: int

    def __str__(self) -> str:
        return f"{self.patch_size}x{self.patch_size} pixels in batches of {self.batch_size}"


class Progressive:
    """The patch and batch size of every iteration.

    A network learns faster from many small patches and sees more context in few large ones;
    MIRNet-v2 begins with the former and ends with the latter (arXiv 2205.01649).

    Args:
        steps: mappings with ``iters`` (how many iterations), ``patch_size`` (pixels, a multiple
            of 8) and ``batch_size`` (of each process), in their order. The last one holds to
            the end of the run, however long that is.

    Raises:
        UsageError: a key is missing or unknown, or a number impossible.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        if not isinstance(steps, Sequence) or not steps:
            raise UsageError(f"dataset.train.progressive is {steps!r}: give a list of steps.")
        self.steps = [_step(number, step) for number, step in enumerate(steps)]

    @classmethod
    def take_from(cls, settings: dict[str, Any]) -> Progressive | None:
        """Take ``progressive`` out of a data set's settings, which then are the first step's.

        Args:
            settings: section ``dataset.train``; changed in place.

        Raises:
            UsageError: the settings give a batch or patch size beside the schedule's.
        """
        steps = settings.pop("progressive", None)
        if steps is None:
            return None
        schedule = cls(steps)
        places = [("dataset.train", settings, "batch_size")]
        inner = settings.get("dataset", settings)  # what a RepeatDataset repeats
        if "img_options" in constructor_arguments(inner["name"]):
            inner["img_options"] = inner.get("img_options") or {}
            places.append(("img_options", inner["img_options"], "patch_size"))
        for where, section, key in places:
            if key in section:
                raise UsageError(
                    f"dataset.train.progressive gives the {key} of every iteration: leave "
                    f"{key} out of {where}."
                )
            section[key] = getattr(schedule.steps[0], key)
        return schedule

    def at(self, iteration: int) -> Step:
        """The step that an iteration belongs to, counted from 1."""
        for step in self.steps:
            if iteration <= step.iters:
                return step
            iteration -= step.iters
        return self.steps[-1]

    def __str__(self) -> str:
        begins = [1 + sum(step.iters for step in self.steps[:n]) for n in range(len(self.steps))]
        return ", ".join(f"from iteration {b} {step}" for b, step in zip(begins, self.steps))


def _step(number: int, given: Mapping[str, Any]) -> Step:
    where = f"dataset.train.progressive.{number}"
    if not isinstance(given, Mapping) or set(given) != set(Step._fields):
        raise UsageError(f"{where} must have exactly the keys {', '.join(Step._fields)}.")
    step = Step(**{key: COUNT.check(f"{where}.{key}", given[key]) for key in Step._fields})
    if step.patch_size % 8:
        raise UsageError(f"{where}.patch_size is {step.patch_size}: give a multiple of 8.")
    return step
