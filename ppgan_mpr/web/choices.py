"""What a visitor can choose: tasks, the networks and models for each, and the limits."""

from __future__ import annotations

from typing import Any

from ..networks import find_network, tasks, weights_records
from ..version import __version__
from ..weights.catalogue import MODELS
from .limits import Limits


def choices(limits: Limits) -> dict[str, Any]:
    """Everything that the page offers, in JSON's types.

    Weights that a visitor would have to bring as a file are left out.
    """
    offered = []
    for task in tasks().values():
        weights = [
            {
                "network": record.network,
                "title": find_network(record.network).title,
                "model": record.model,
                "scale": record.scale if task.enlarges else None,
                "embedded": record.resource is not None,
                "megabytes": None if record.size is None else round(record.size / 1e6, 1),
                "note": record.note,
                "weakness": record.weakness,
            }
            for record in weights_records()
            if record.task == task.name
            and record.model in MODELS
            and (record.url or record.resource)
        ]
        if weights:
            offered.append(
                {
                    "name": task.name,
                    "purpose": task.purpose,
                    "hint": task.hint,
                    "views": task.views,
                    "weights": weights,
                }
            )
    return {"version": __version__, "tasks": offered, "limits": vars(limits)}
