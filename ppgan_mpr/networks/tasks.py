"""The restoration tasks; MPRNet's have the names PaddleGAN gave them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..errors import UsageError

#: What MPRNet is for.
TASKS = ("Deblurring", "Denoising", "Deraining")

_MIRNET = ("RealDenoising", "LowLight", "Retouching", "SuperResolution")

#: What each network is for, by its class name in :mod:`ppgan_mpr.networks`.
NETWORK_TASKS = {
    "MPRNet": TASKS,
    "MIRNet": _MIRNET,
    "MIRNetv2": (*_MIRNET, "DualPixelDeblurring"),
}

ALL_TASKS = tuple(dict.fromkeys(task for tasks in NETWORK_TASKS.values() for task in tasks))


def normalise_task(task: str, tasks: Sequence[str] = TASKS) -> str:
    """The task's exact name, whatever the case it was written in.

    Args:
        task: what the user wrote.
        tasks: those to choose from; default: MPRNet's.

    Raises:
        UsageError: no such task.
    """
    names = {known.lower(): known for known in tasks}
    written = str(task).lower()
    if written in names:
        return names[written]
    near = difflib.get_close_matches(written, names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]}?" if near else f"choose one of {', '.join(tasks)}."
    raise UsageError(f"There is no task {task!r}: {hint}")
