"""Checks that the weights, the task and the options of a predictor are compatible."""

from __future__ import annotations

from ..errors import UsageError
from ..inference import InferenceOptions
from ..networks import NetworkSpec, Task
from .lazy_weights import ModelInfo


def check_fit(info: ModelInfo, task: Task, spec: NetworkSpec, options: InferenceOptions) -> None:
    """Check that a network can do a task with the given options.

    Args:
        info: what the weights are for.
        task: the task.
        spec: of the network.
        options: ``local``, ``stages`` and ``ensemble`` are used.

    Raises:
        UsageError: they are not compatible.
    """
    if info.channels != task.channels:
        raise UsageError(
            f"The network of these weights takes {info.channels} channel"
            f"{'s' * (info.channels > 1)}, but pictures for {task.name} have {task.channels}: give "
            "other weights."
        )
    if options.local and not spec.local_layers:
        raise UsageError(f"local=True is not for {spec.title}: {spec.no_local}.")
    if options.stages and spec.stages == 1:
        raise UsageError(f"stages=True is not for {spec.title}, which has one stage: leave it out.")
    if options.ensemble and task.views > 1:
        raise UsageError(
            "ensemble=True turns and mirrors the picture, which exchanges its two views: leave it "
            "out."
        )
