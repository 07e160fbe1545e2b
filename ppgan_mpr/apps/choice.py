"""Chooses the class of predictor: for a task, several tasks in order, or ``auto``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Union

from .predictor import Predictor
from .task_names import is_auto, steps_of

if TYPE_CHECKING:
    from .auto import AutoPredictor, Choose

AnyPredictor = Union[Predictor, "AutoPredictor"]


def predictor_for(
    task: str | None,
    output_path: str | os.PathLike[str] | None,
    weight_path: str | None = None,
    choose: Choose | None = None,
    **arguments: Any,
) -> AnyPredictor:
    """The predictor that the name of a task asks for.

    Args:
        task: a task, several as ``A,B``, ``auto``, or None for the task of the weights.
        output_path, weight_path: see :class:`.predictor.Predictor`.
        choose: see :class:`.auto.AutoPredictor`.
        **arguments: those that all predictors take.

    Raises:
        UsageError: a task or an option is invalid.
        WeightsError, DownloadError, MissingDependencyError: see :class:`.predictor.Predictor`.
    """
    if is_auto(task):
        from .auto import AutoPredictor  # with the detection, which other tasks do not need

        return AutoPredictor(output_path, choose=choose, **arguments)
    if task is not None and len(steps_of(task)) > 1:
        from .chain import ChainPredictor

        return ChainPredictor(output_path, task=task, **arguments)
    return Predictor(output_path, weight_path, task=task, **arguments)
