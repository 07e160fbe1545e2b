"""Searches the catalogue of known weights by name or by file content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ..errors import UsageError
from ..networks import (
    WeightsRecord,
    find_network,
    find_task,
    networks,
    tasks,
    weights_records,
)

#: Models that can be loaded by name; all other weights are files.
MODELS = ("published", "lite")


def find_record(
    model: str, task: str, network: str | None = None, scale: int | None = None
) -> WeightsRecord:
    """Find the record of ``model`` for ``task``.

    Args:
        model: ``published``, ``lite``, or ``authors`` (known files that are not loaded by name).
        task: name of a task, in any letter case.
        network: name of a network, in any letter case; default: the first network that has such
            weights.
        scale: factor of enlargement, for tasks that enlarge.

    Raises:
        UsageError: there is no such record, or more than one.
    """
    wanted_task = find_task(task)
    if scale not in (None, 1) and not wanted_task.enlarges:
        raise UsageError(f"scale={scale}, but {wanted_task.name} does not enlarge: leave it out.")
    network = find_network(network).name if network else None
    of_model = [record for record in weights_records() if record.model == model]
    if not of_model:
        raise UsageError(f"There is no model {model!r}: choose one of {', '.join(MODELS)}.")
    found = [
        record
        for record in of_model
        if record.task == wanted_task.name
        and network in (None, record.network)
        and scale in (None, record.scale)
    ]
    found = [record for record in found if record.network == found[0].network]
    if len(found) == 1:
        return found[0]
    known = [
        record
        for record in weights_records()
        if record.task == wanted_task.name and network in (None, record.network)
    ]
    scales = [record.scale for record in known if record.model == model]
    if scales and wanted_task.enlarges:
        listed = ", ".join(map(str, sorted(scales)))
        advice = f"scale={scale} is not one of them" if scale else "choose one by scale="
        raise UsageError(
            f"The {model} weights for {wanted_task.name} enlarge {listed} times: {advice}."
        )
    wanted = " ".join([model, *([network] if network else []), "weights for", wanted_task.name])
    others = sorted({f"model={record.model!r}" for record in known if _can_be_loaded(record)})
    origins = [] if others else sorted({record.origin for record in known})
    file = f"get a file ({' or '.join(origins)}) and give it" if origins else "give a file"
    choice = f", or use {' or '.join(others)}" if others else ""
    raise UsageError(
        f"There are no {wanted} that ppgan_mpr includes or downloads: {file} by "
        f"weight_path={choice}."
    )


def _can_be_loaded(record: WeightsRecord) -> bool:
    """Whether the weights are embedded or have a download address."""
    return bool(record.url or record.resource)


def loadable(task: str, network: str | None = None) -> list[WeightsRecord]:
    """Known weights for a task, of one or any network, that can be loaded by name."""
    return [
        record
        for record in weights_records()
        if record.task == task
        and network in (None, record.network)
        and record.model in MODELS
        and _can_be_loaded(record)
    ]


def stronger_than(record: WeightsRecord) -> WeightsRecord | None:
    """Known weights for the same task and scale that can be loaded by name and have no weakness.

    Their record states no ``weakness``: they help with real pictures. None if there are none.
    """
    return next(
        (
            other
            for other in loadable(record.task)
            if other.scale == record.scale and not other.weakness
        ),
        None,
    )


def record_of_name(name: str) -> WeightsRecord | None:
    """The record with this catalogue name, or None if the text does not look like one.

    Args:
        name: a :attr:`WeightsRecord.name`, in any letter case. The network may always be given,
            and may be left out if it is the first one with such weights.

    Raises:
        UsageError: no weights have this name, or they are known but cannot be downloaded.
    """
    model, *rest = name.lower().split(":")
    records = [record for record in weights_records() if record.model == model]
    if not rest or not (records or model in MODELS):
        return None
    scale = next((part for part in rest if re.fullmatch(r"x\d+", part)), "")
    network, task = _network_and_task([part for part in rest if part != scale])
    matching = [
        record
        for record in records
        if (task, network or record.network) == (record.task, record.network)
    ]
    rest = [part for part in rest if part not in (scale, task.lower(), (network or "").lower())]
    found = [
        record
        for record in matching
        if record.network == matching[0].network
        and [record.variant.lower()] * bool(record.variant) == rest
        and scale in ("", f"x{record.scale}")
    ]
    if len(found) != 1:
        of_task = [record for record in weights_records() if record.task == task]
        listed = ", ".join(record.name for record in matching or of_task)
        raise UsageError(f"There are no weights named {name}: those for {task} are {listed}.")
    record = found[0]
    if not _can_be_loaded(record):
        raise UsageError(
            f"{record.name} cannot be downloaded: get the file ({record.origin}) yourself and give "
            "its path."
        )
    return record


def _network_and_task(parts: list[str]) -> tuple[str | None, str]:
    """The network, if the first part of a name is one, and the task."""
    known = {spec.name.lower(): spec.name for spec in networks()}
    network = known.get(parts[0]) if parts else None
    if network is None and len(parts) > 1 and parts[1] in map(str.lower, tasks()):
        network = find_network(parts[0]).name  # raises an error that suggests the nearest name
    after = parts[1:] if network else parts
    return network, find_task(after[0] if after else "").name


def git_blob_of(path: Path) -> str:
    """Git's object id of a file's content, a SHA-1 digest in hexadecimal."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def record_of_file(path: Path) -> WeightsRecord | None:
    """The record of the weights in a file, recognised by git's object id, or None."""
    blob = git_blob_of(path)
    return next((record for record in weights_records() if record.git_blob == blob), None)
