"""The choices of a visitor: tasks, the networks and models of each task, and the limits."""

from __future__ import annotations

from typing import Any

from ..apps.auto import task_against
from ..apps.task_names import AUTO
from ..detection import CONFIDENT
from ..networks import Task, WeightsRecord, find_network, tasks
from ..version import __version__
from ..weights import loadable, stronger_than
from ..weights.download import cached_path
from .limits import Limits
from .proposals import weights_fields


def choices(limits: Limits) -> dict[str, Any]:
    """All choices of the page, in the types of JSON.

    Weights that are only available as a user's own file are left out.
    """
    offered = [_task(task) for task in tasks().values() if loadable(task.name)]
    degradations = {task.degradation for task in tasks().values() if task.degradation}
    return {
        "version": __version__,
        "auto": {
            "name": AUTO,
            "confident": CONFIDENT,
            "tasks": [task_against(kind).name for kind in sorted(degradations)],
        },
        "tasks": offered,
        "limits": vars(limits),
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "purpose": task.purpose,
        "hint": task.hint,
        "views": task.views,
        "degradation": task.degradation,
        "joins": task.views == 1 and not task.enlarges,  # can be combined with other tasks
        "weights": [_weights(record, task) for record in loadable(task.name)],
    }


def _weights(record: WeightsRecord, task: Task) -> dict[str, Any]:
    better = stronger_than(record) if record.weakness else None
    return {
        **weights_fields(record),
        "name": record.name,
        "title": find_network(record.network).title,
        "scale": record.scale if task.enlarges else None,
        "ready": record.resource is not None or cached_path(record).is_file(),
        "note": record.note,
        "weakness": record.weakness,
        "better": better and weights_fields(better),
    }
