"""What a user should know about a picture whose restoration succeeds."""

from __future__ import annotations

from pathlib import Path

from ..imaging import Photo, unkept
from ..networks import Task, WeightsRecord


def warnings_before(
    task: Task, max_size: int | None, full_size: tuple[int, int], *photos: Photo | None
) -> tuple[str, ...]:
    """What is to be said of the pictures that enter a network.

    Args:
        task: what is restored.
        max_size: the limit that pictures were reduced to, if any.
        full_size: width and height of the first picture before.
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


def weakness_warning(record: WeightsRecord, stronger: WeightsRecord | None) -> str:
    """That weights hardly help, and which ones help more.

    Args:
        record: of weights with a weakness.
        stronger: of other weights for the task, if there are any.
    """
    if stronger is None:
        return f"The weights {record.name} {record.weakness}."
    once = ", which is downloaded once" if stronger.url else ""
    network = f" network={stronger.network!r}" if stronger.qualified else ""
    return (
        f"The weights {record.name} {record.weakness}: use model={stronger.model!r}{network}{once}."
    )


def unkept_warning(result: Photo, output: Path) -> tuple[str, ...]:
    """What the format of a result has no place for."""
    lost = unkept(result, output.suffix)
    if not lost:
        return ()
    listed = ", ".join(lost[:-1]) + " and " * (len(lost) > 1) + lost[-1]
    return (f"the result lacks {listed}",)
