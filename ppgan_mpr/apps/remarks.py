"""Warnings about pictures that are restored or not, and about weights that hardly help."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..imaging import Photo, unkept, unkept_by_pillow
from ..imaging.losses import listed
from ..inference import InferenceOptions
from ..networks import Task, WeightsRecord, find_network
from ..weights import loadable, stronger_than
from .result import Result

logger = logging.getLogger(__name__)


def warnings_before(
    task: Task, max_size: int | None, full_size: tuple[int, int], *photos: Photo | None
) -> tuple[str, ...]:
    """Warnings about the pictures that enter a network.

    Args:
        task: of the network.
        max_size: the limit that pictures were reduced to, if any.
        full_size: width and height of the first picture before it was reduced.
        photos: the picture, or the left and the right view; None is left out.
    """
    given = [photo for photo in photos if photo is not None]
    warnings = []
    bits = min(8 * photo.pixels.dtype.itemsize for photo in given)
    if bits < task.depth:
        warnings.append(f"it has {bits} bits per sample: the network learnt from {task.depth}")
    if given[0].size != full_size:
        warnings.append(
            "reduced from {} x {} to {} x {} pixels, as max_size={} asks".format(
                *full_size, *given[0].size, max_size
            )
        )
    return tuple(warnings)


def lack_of_weights(degradation: str, task: Task | None, options: InferenceOptions) -> str | None:
    """Why the chosen model and network cannot remove a degradation; None if they can.

    Args:
        degradation: that a picture suffers from.
        task: the task that removes it; None: the chosen network has none.
        options: ``model`` and ``network`` are used.

    Raises:
        UsageError: there is no such network.
    """
    network = find_network(options.network).name if options.network else None
    if task is None:
        return f"network={network!r} removes no {degradation}: leave it out"
    models = dict.fromkeys(record.model for record in loadable(task.name, network))
    if options.model in models:
        return None
    text = f"there are no {options.model} weights for {task.name}"
    return text + "".join(f": use task={task.name!r} model={model!r}" for model in [*models][:1])


def warn_of_weakness(record: WeightsRecord | None) -> None:
    """Log a warning if weights hardly help, and suggest better ones for the task.

    The log record also holds the better weights, as its attribute ``better_weights``. From it, a
    command can suggest its own options.
    """
    if record is None or not record.weakness:
        return
    text, better = f"The weights {record.name} {record.weakness}", stronger_than(record)
    if better is not None:
        network = f" network={better.network!r}" if better.qualified else ""
        once = ", which is downloaded once" if better.url else ""
        text += f": use model={better.model!r}{network}{once}"
    logger.warning("%s.", text, extra={"better_weights": better})


def warn_of_failures(results: Sequence[Result]) -> None:
    """Log how many pictures could not be restored, if any."""
    failed = sum(not result.ok for result in results)
    if failed:
        logger.warning(
            "%d of %d pictures could not be restored: see the error of their results.",
            failed,
            len(results),
        )


def unkept_warning(result: Photo, output: Path | None, is_pillow: bool) -> tuple[str, ...]:
    """A warning about metadata that the format of a result cannot hold.

    Args:
        result: with the metadata of its picture.
        output: the file to be written, if any.
        is_pillow: whether the result without a file is returned as a Pillow image.
    """
    if output is not None:
        lost = unkept(result, output.suffix)
    else:
        lost = unkept_by_pillow(result) if is_pillow else ()
    if not lost:
        return ()
    return (f"the result lacks {listed(lost)}",)
