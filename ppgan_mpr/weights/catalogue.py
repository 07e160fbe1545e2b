"""Search of the catalogue of known weights, by name or by file content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import UsageError
from ..networks import WeightsRecord, find_network, find_task, weights_records

#: Models that can be loaded by name; all other weights are files.
MODELS = ("published", "lite")


def find_record(
    model: str, task: str, network: str | None = None, scale: int | None = None
) -> WeightsRecord:
    """Find the record of ``model`` for ``task``.

    Args:
        model: ``published``, ``lite`` or ``authors``.
        task: name of a task, in any letter case.
        network: name of a network, in any letter case; default: the first with such weights.
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
    scales = [
        record.scale
        for record in of_model
        if record.task == wanted_task.name and network in (None, record.network)
    ]
    if scales and wanted_task.enlarges:
        listed = ", ".join(map(str, sorted(scales)))
        advice = f"scale={scale} is not one of them" if scale else "give scale="
        raise UsageError(
            f"The {model} weights for {wanted_task.name} enlarge {listed} times: {advice}."
        )
    wanted = " ".join(
        [model, *([network] if network else []), "weights for", wanted_task.name]
        + ([f"at scale={scale}"] if scale else [])
    )
    others = {
        f"model={record.model!r}"
        for record in weights_records()
        if record.task == wanted_task.name
        and network in (None, record.network)
        and _can_be_loaded(record)
    }
    choice = f", or use {' or '.join(sorted(others))}" if others else ""
    raise UsageError(f"There are no {wanted}: give a file of weights{choice}.")


def _can_be_loaded(record: WeightsRecord) -> bool:
    """Whether the weights are embedded or have an address to download them from."""
    return bool(record.url or record.resource)


def record_of_name(name: str) -> WeightsRecord | None:
    """The record with this catalogue name, or None if it is not written like one.

    Args:
        name: ``model:task`` or ``model:network:task``, with ``:xN`` at the end for the scale, in
            any letter case.

    Raises:
        UsageError: see :func:`find_record`; or the weights are known, but not downloadable.
    """
    model, *rest = name.split(":")
    model = model.lower()
    if not rest or model not in {*MODELS, *(record.model for record in weights_records())}:
        return None
    last = rest[-1].lower()
    scale = int(last[1:]) if last[:1] == "x" and last[1:].isdigit() else None
    if scale is not None:
        rest = rest[:-1]
    if not 1 <= len(rest) <= 2:
        raise UsageError(f"{name} does not name weights: write {model}:TASK or {model}:TASK:xN.")
    network = rest[0] if len(rest) == 2 else None
    record = find_record(model, rest[-1], network, scale)
    if not _can_be_loaded(record):
        raise UsageError(
            f"{record.name} cannot be downloaded: get the file ({record.origin}) yourself and give "
            "its path."
        )
    return record


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
