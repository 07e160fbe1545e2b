"""The weights that are known by name, and how they are found."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import UsageError
from ..networks.mirnetv2.spec import MIRNET_RECORDS
from ..networks.mprnet.spec import MPRNET_RECORDS
from ..networks.records import WeightsRecord
from ..networks.tasks import ALL_TASKS, normalise_task

#: What a user can choose from; other weights come as files.
MODELS = ("published", "lite")

CATALOGUE: tuple[WeightsRecord, ...] = (*MPRNET_RECORDS, *MIRNET_RECORDS)


def find_record(
    model: str, task: str, network: str | None = None, scale: int | None = None
) -> WeightsRecord:
    """The one record of ``model`` for ``task``.

    Args:
        model: ``published``, ``lite`` or ``authors``.
        task: one of :data:`ppgan_mpr.networks.tasks.ALL_TASKS`, in any case.
        network: class name, to be sure of it; default: whichever there is.
        scale: enlargement, where the task is super-resolution.

    Raises:
        UsageError: there is none, or more than one.
    """
    task = normalise_task(task, ALL_TASKS)
    of_model = [record for record in CATALOGUE if record.model == model]
    if not of_model:
        raise UsageError(f"There is no model {model!r}: choose one of {', '.join(MODELS)}.")
    found = [
        record
        for record in of_model
        if record.task == task
        and network in (None, record.network)
        and scale in (None, record.scale)
    ]
    if len(found) == 1:
        return found[0]
    wanted = " ".join(
        [model, *([network] if network else []), "weights for", task]
        + ([f"at scale {scale}"] if scale else [])
    )
    if found:
        raise UsageError(f"There are several {wanted}: choose {_names(found)}.")
    others = [record for record in of_model if network in (None, record.network)]
    choice = f", or choose one of {_names(others)}" if others else ""
    raise UsageError(f"There are no {wanted}: give a file of weights{choice}.")


def _names(records: list[WeightsRecord]) -> str:
    return ", ".join(record.name for record in records)


def record_of_name(name: str) -> WeightsRecord | None:
    """The record that ``model:task`` or ``model:task:xN`` names, or None for another form.

    Raises:
        UsageError: see :func:`find_record`.
    """
    model, colon, rest = name.partition(":")
    if not colon or model not in MODELS:
        return None
    task, _, scale = rest.partition(":x")
    return find_record(model, task, scale=int(scale) if scale.isdigit() else None)


def git_blob_of(path: Path) -> str:
    """The id that git gives the content of a file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def record_of_file(path: Path) -> WeightsRecord | None:
    """The catalogue's record of which ``path`` is a copy, by git's object id, or None."""
    blob = git_blob_of(path)
    return next((record for record in CATALOGUE if record.git_blob == blob), None)
