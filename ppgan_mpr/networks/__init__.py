"""The restoration networks; each has a folder with its layers and its specification."""

from .registry import (
    find_network,
    find_task,
    networks,
    register_network,
    spec_of,
    tasks,
    unregister_network,
    weights_records,
)
from .spec import NetworkSpec, Score, WeightsRecord
from .tasks import Task

__all__ = [
    "NetworkSpec",
    "Score",
    "Task",
    "WeightsRecord",
    "find_network",
    "find_task",
    "networks",
    "register_network",
    "spec_of",
    "tasks",
    "unregister_network",
    "weights_records",
]
