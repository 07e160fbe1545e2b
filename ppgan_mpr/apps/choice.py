"""The predictor for a task, for several in order, or for a task chosen for each picture."""

from __future__ import annotations

import os
from typing import Any, Union

from .auto import AutoPredictor, Choose, is_auto
from .chain import ChainPredictor, steps_of
from .predictor import Predictor

AnyPredictor = Union[Predictor, AutoPredictor]


def predictor_for(
    task: str | None,
    output_path: str | os.PathLike[str] | None,
    weight_path: str | None = None,
    choose: Choose | None = None,
    **arguments: Any,
) -> AnyPredictor:
    """The predictor that the name of a task asks for.

    Args:
        task: a task, several as ``A,B``, ``auto``, or None for what the weights are for.
        output_path, weight_path: see :class:`.predictor.Predictor`.
        choose: see :class:`.auto.AutoPredictor`.
        **arguments: of every predictor.

    Raises:
        UsageError: a task or an option makes no sense.
        WeightsError, DownloadError, MissingDependencyError: see :class:`.predictor.Predictor`.
    """
    if is_auto(task):
        return AutoPredictor(output_path, choose=choose, **arguments)
    if task is not None and len(steps_of(task)) > 1:
        return ChainPredictor(output_path, task=task, **arguments)
    return Predictor(output_path, weight_path, task=task, **arguments)
