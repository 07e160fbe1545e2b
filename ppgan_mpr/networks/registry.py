"""The registry of networks, both of this package and of other packages."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..checks import exact_name
from ..errors import UsageError
from .spec import NetworkSpec, WeightsRecord
from .tasks import Task

#: Entry point group through which other packages register a NetworkSpec.
ENTRY_POINTS = "ppgan_mpr.networks"

# Folders in order of preference: a task's default network is the first one with weights for it.
_BUILT_IN = ("mprnet", "mirnetv2", "mirnet", "nafnet")

logger = logging.getLogger(__name__)

_specs: dict[str, NetworkSpec] = {}
_loaded = False


def register_network(spec: NetworkSpec) -> None:
    """Make a network available to predictors, command lines, training and PaddleGAN.

    Registering the same spec twice changes nothing. Instead of calling this, a package can
    declare its spec as an entry point of the group ``ppgan_mpr.networks``.

    Raises:
        UsageError: another network has this name, or describes one of this network's tasks
            differently.
    """
    _load()
    _add(spec)


def unregister_network(name: str) -> None:
    """Remove a network that was added by :func:`register_network`.

    Raises:
        UsageError: no network has this name.
    """
    del _specs[find_network(name).name]


def networks() -> tuple[NetworkSpec, ...]:
    """All registered networks; those of this package come first."""
    _load()
    return tuple(_specs.values())


def find_network(name: str) -> NetworkSpec:
    """The network of this name, in any letter case.

    Raises:
        UsageError: there is none; the message suggests the nearest name.
    """
    return _specs[exact_name("network", name, (spec.name for spec in networks()))]


def spec_of(layer: Any) -> NetworkSpec | None:
    """The spec of a ``paddle.nn.Layer``, found by its class, or None."""
    path = f"{type(layer).__module__}:{type(layer).__qualname__}"
    return next((spec for spec in networks() if spec.layer == path), None)


def tasks() -> dict[str, Task]:
    """The tasks of all networks by name."""
    return {task.name: task for spec in networks() for task in spec.tasks}


def find_task(name: str) -> Task:
    """The task of this name, in any letter case.

    Raises:
        UsageError: there is none; the message suggests the nearest name.
    """
    known = tasks()
    return known[exact_name("task", name, known)]


def weights_records() -> tuple[WeightsRecord, ...]:
    """The catalogue of known weights, of all networks."""
    found: dict[str, WeightsRecord] = {}
    first: dict[tuple[str, str], str] = {}  # model and task -> network
    for spec in networks():
        for record in spec.weights:
            if first.setdefault((record.model, record.task), spec.name) != spec.name:
                record = replace(record, qualified=True)
            found[record.name] = record
    return tuple(found.values())


def _load() -> None:
    global _loaded
    if _loaded:
        return
    _loaded = True
    for name in _BUILT_IN:
        _add(importlib.import_module(f".{name}.spec", __package__).SPEC)
    for entry in _entry_points():
        try:
            _add(entry.load())
        except Exception as error:  # another package's error must not disable the others
            logger.warning("The network %r cannot be used: %s", entry.name, error)


def _entry_points() -> Iterator[importlib.metadata.EntryPoint]:
    found = importlib.metadata.entry_points()
    if hasattr(found, "select"):  # Python 3.10 and newer
        yield from found.select(group=ENTRY_POINTS)
    else:
        yield from found.get(ENTRY_POINTS, ())


def _add(spec: NetworkSpec) -> None:
    if not isinstance(spec, NetworkSpec):
        raise UsageError(f"A network is described by a NetworkSpec, not by {spec!r}.")
    known = {name.lower(): other for name, other in _specs.items()}.get(spec.name.lower())
    if known is spec:
        return
    if known is not None:
        raise UsageError(f"There is a network {known.name!r} already: choose another name.")
    for task in spec.tasks:
        other = next((t for s in _specs.values() for t in s.tasks if t.name == task.name), task)
        if other != task:
            raise UsageError(
                f"{spec.name} describes the task {task.name!r} differently from another network: "
                "use the same Task, or give yours another name."
            )
    for record in spec.weights:
        _check_record(record, spec)
    _specs[spec.name] = spec


def _check_record(record: WeightsRecord, spec: NetworkSpec) -> None:
    complete = {
        "published": record.url is not None,
        "lite": record.resource is not None,
        "authors": True,
    }
    if not complete.get(record.model):
        raise UsageError(
            f"The weights {record.name} of {spec.name} have no source: model must be published "
            "(with a url), lite (with a resource) or authors."
        )
    if record.task not in spec.task_names:
        raise UsageError(
            f"{spec.name} has weights for {record.task!r}, which is not one of its tasks."
        )
