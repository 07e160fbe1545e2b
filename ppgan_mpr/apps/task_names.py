"""Parses the option ``task``: one task, several in order, or ``auto``."""

from __future__ import annotations

from ..errors import UsageError
from ..networks import Task, find_task

#: Joins the names of several tasks, as in the name of the folder of their outputs.
JOINT = "+"
#: Task name that asks to choose a task for each picture.
AUTO = "auto"


def is_auto(task: str | None) -> bool:
    """Whether the name of a task asks to choose one for each picture."""
    return task is not None and task.strip().lower() == AUTO


def steps_of(task: str) -> tuple[Task, ...]:
    """The tasks that ``A,B`` or ``A+B`` names, in order.

    Raises:
        UsageError: one is unknown, named twice, or cannot be a step.
    """
    names = [name.strip() for name in task.replace(JOINT, ",").split(",")]
    if len(names) > 1 and not all(names):
        raise UsageError(f"task={task!r} has a comma or + without a task: leave it out.")
    if len(names) > 1 and AUTO in map(str.lower, names):
        raise UsageError(
            f"task={task!r}: {AUTO!r} chooses a task for each picture, so it cannot be one of "
            f"several: name the tasks, or {AUTO!r} alone."
        )
    steps = tuple(map(find_task, names))
    for step in steps:
        if len(steps) > 1 and (step.views > 1 or step.enlarges):
            raise UsageError(
                f"task={task!r}: {step.name} takes two views or enlarges the picture, so it cannot "
                "be one of several tasks: run it by itself."
            )
        if steps.count(step) > 1:
            raise UsageError(f"task={task!r}: {step.name} is named twice: name each task once.")
    return steps
