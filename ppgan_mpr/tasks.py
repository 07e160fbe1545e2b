"""The restoration tasks, under the names PaddleGAN gave them."""

from __future__ import annotations

import difflib

from .errors import UsageError

TASKS = ("Deblurring", "Denoising", "Deraining")


def normalise_task(task: str) -> str:
    """The task's exact name, whatever the case it was written in.

    Raises:
        UsageError: no such task.
    """
    for known in TASKS:
        if str(task).lower() == known.lower():
            return known
    near = difflib.get_close_matches(str(task).capitalize(), TASKS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(TASKS)}."
    raise UsageError(f"There is no task {task!r}: {hint}")
