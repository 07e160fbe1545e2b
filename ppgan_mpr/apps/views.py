"""Left and right views, for tasks that take two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..networks import Task
from .sources import Source


def pair_views(left: list[Source], right: list[Source]) -> list[Source]:
    """Pair the left views of scenes with their right views.

    Files are paired by their names, and pictures in memory by their order. One left and one right
    view always make a pair.

    Returns:
        The left views with their ``right``, then the sources that have a problem.

    Raises:
        UsageError: a view has no partner.
    """
    problems = [source for source in (*left, *right) if source.problem is not None]
    left = [source for source in left if source.problem is None]
    right = [source for source in right if source.problem is None]
    in_memory = all(source.path is None for source in (*left, *right))
    if len(left) == len(right) and (in_memory or len(left) == 1):
        pairs = [replace(one, right=other) for one, other in zip(left, right)]
        return pairs + problems

    if in_memory:
        raise UsageError(
            f"{len(left)} left and {len(right)} right views were given: give the same number of "
            "both."
        )

    def name(source: Source) -> tuple[Path, str]:
        return source.folder, source.stem

    partners = {name(source): source for source in right}
    names = {name(source) for source in left}
    unpaired = [source.name for source in left if name(source) not in partners]
    unpaired += [source.name for source in right if name(source) not in names]
    if unpaired or not len(names) == len(left) == len(right):
        raise UsageError(
            f"{len(left)} left and {len(right)} right views do not pair by name"
            + (
                f" ({len(unpaired)} without a partner: {unpaired[0]}, …)."
                if unpaired
                else " (a name occurs twice)."
            )
        )
    return [replace(source, right=partners[name(source)]) for source in left] + problems


def check_views(sources: Iterable[Source], task: Task) -> None:
    """Check that every picture has the views that a task takes.

    Raises:
        UsageError: right views are missing, or given for a task with one view.
    """
    for source in sources:
        if source.problem is not None:
            continue
        if source.right is None and task.views == 2:
            raise UsageError(
                f"{task.name} takes a left and a right view: give the right one too (right=)."
            )
        if source.right is not None and task.views == 1:
            raise UsageError(f"{task.name} takes no right views: leave them out.")
