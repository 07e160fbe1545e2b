"""The results of earlier runs in the output folder, so that a job restores only what is missing."""

from __future__ import annotations

import json
import posixpath
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ..apps.task_names import AUTO
from ..errors import UsageError
from .items import Item
from .job import STATE, Job, WorkerFacts
from .listing import is_result_folder, outputs_in, start_of
from .stores import Store, resolved
from .table import read_rows, task_of

# File with the names of the outputs that existed before a job began, kept until the job is finished
_BEFORE = f"{STATE}/outputs_before.json"
_COLUMNS = [
    "source", "item", "input_bytes", "input_stamp", "output", "output_bytes", "error", "skipped",
    "task", "detected", "network", "scale", "local", "weights_digest", "options", "precision",
    "backend",
]  # fmt: skip


@dataclass
class Earlier:
    """The results of earlier runs.

    Attributes:
        finished: resolved place of an input file → its size and time stamp when it was restored.
            Only files that were restored in the same way as in this job.
        present: start of a name (see :func:`.listing.start_of`) → outputs that no job made, or
            whose size changed after a job had made them. Empty with ``existing='overwrite'``.
        spellings: resolved folder of inputs → the folder as the table of results spells it.
    """

    finished: dict[str, tuple[int, str]] = field(default_factory=dict)
    present: dict[str, list[str]] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def as_recorded(self, item: Item) -> Item:
        """An item under the name that it has in the table, so that it gets no second row."""
        place = resolved(item.source)
        spelling = self.spellings.get(posixpath.dirname(place))
        if spelling is None:
            return item
        return replace(item, source=posixpath.join(spelling, posixpath.basename(place)))

    def has(self, item: Item) -> bool:
        """Whether an item's result exists and is up to date."""
        seen = self.finished.get(resolved(item.source))
        known = bool(item.stamp) and seen is not None and bool(seen[1])
        return seen is not None and (not known or seen == (item.nbytes, item.stamp))


def look_back(job: Job, facts: WorkerFacts, key: Callable[[str], str]) -> Earlier:
    """Read the results of earlier runs, and note the outputs that existed before this job.

    Args:
        job: the job.
        facts: how its workers compute.
        key: see :class:`.listing.Naming`.

    Raises:
        UsageError: some results were made in another way, and ``existing='error'``. Or this job
            has ``task='auto'`` and the earlier ones do not, or the reverse.
    """
    store, existing = job.output, job.options.existing
    sizes = {entry.name: entry.nbytes for entry in outputs_in(store)}
    rows: dict[str, _Seen] = {}
    spellings: dict[str, str] = {}
    counted: set[str] = set()
    latest: dict[str, str] = {}  # input file -> the part of the table with its last rows
    own: dict[str, int] = {}  # output -> its size when it was written
    for finished in (True, False):
        for row in read_rows(store, _COLUMNS, finished):
            output = _file_of(row, store, sizes) if row["output"] else None
            if output and not row["skipped"]:
                own[output] = row["output_bytes"]
            _check_mixing(row, facts, store)
            if task_of(row) not in ("", facts.task):
                continue
            item = resolved(row["item"])
            source = item + row["source"][len(row["item"]) :]  # keeps the name inside a shard
            rows[source] = _Seen.of(row, item, output, _difference(row, job, facts))
            latest[item] = rows[source].part
            spellings[posixpath.dirname(item)] = posixpath.dirname(row["item"])
            if not finished or existing != "overwrite":
                counted.add(source)
    earlier = Earlier(spellings=spellings)
    rows = {source: seen for source, seen in rows.items() if seen.part == latest[seen.item]}
    failed = {seen.item for seen in rows.values() if seen.failed}
    for source, seen in rows.items():
        if seen.failed or seen.skipped:
            continue
        if seen.difference and existing == "error":
            raise UsageError(
                f"{store.shown} holds results that were made with {seen.difference}: use "
                "existing='overwrite' to restore all pictures again, existing='skip' to restore "
                "these pictures again and keep up-to-date results, or another output folder."
            )
        if seen.difference or source not in counted or seen.item in failed:
            continue
        name = seen.output
        if name is None or (name in sizes and own[name] in (0, sizes[name])):
            earlier.finished[seen.item] = seen.input_bytes, seen.input_stamp
    if existing != "overwrite":
        changed = {n for n, nbytes in own.items() if n in sizes and nbytes not in (0, sizes[n])}
        for name in _before(store, sizes, own) | changed:
            task, _, _ = name.partition("/")
            earlier.present.setdefault(key(start_of(name, task)), []).append(name)
    return earlier


class _Seen(NamedTuple):
    """The part of a row that stays in memory, as a job may have millions of rows.

    Attributes:
        part: name of the row's part of the table.
        item: resolved place of the input file.
        failed, skipped: the outcome.
        difference: the first setting that differs from the job's, or None.
        output: name of the output file in the store, or None.
        input_bytes, input_stamp: size and time stamp of the input file.
    """

    part: str
    item: str
    failed: bool
    skipped: bool
    difference: str | None
    output: str | None
    input_bytes: int
    input_stamp: str

    @classmethod
    def of(
        cls, row: Mapping[str, Any], item: str, output: str | None, difference: str | None
    ) -> _Seen:
        """The part of a row that stays in memory."""
        return cls(
            sys.intern(row["part"]),
            item,
            bool(row["error"]),
            bool(row["skipped"]),
            difference and sys.intern(difference),
            output,
            row["input_bytes"],
            row["input_stamp"],
        )


def _check_mixing(row: Mapping[str, Any], facts: WorkerFacts, store: Store) -> None:
    """Refuse to mix results of ``auto`` with those of a named task, which share folders."""
    if facts.task and row["detected"] not in (None, "{}"):
        raise UsageError(
            f"{store.shown} holds results for which task={AUTO!r} chose the task: use another "
            f"output folder for task={facts.task!r}."
        )
    if task_of(row) and not facts.task:
        raise UsageError(
            f"{store.shown} holds results of task={task_of(row)!r}: use another output folder for "
            f"task={AUTO!r}."
        )


def job_is_finished(store: Store) -> None:
    """Remove the note of the outputs that existed before the job."""
    store.remove(_BEFORE)
    store.remove_empty(f"{STATE}/parts")
    store.remove_empty(STATE)


def _before(store: Store, sizes: Mapping[str, int], own: Mapping[str, int]) -> set[str]:
    """The outputs that existed before the first run of the job and that no job had made."""
    if store.find(_BEFORE):
        return set(json.loads(store.read(_BEFORE)))
    before = sorted(set(sizes) - set(own))
    store.write(_BEFORE, json.dumps(before).encode())
    return set(before)


def _file_of(row: Mapping[str, Any], store: Store, sizes: Mapping[str, int]) -> str:
    """The name of a row's output file; for a picture in a shard, that of the shard.

    The table is in the output folder, so its outputs are there too. But the row may spell the
    folder differently, such as relative to another working directory.
    """
    output = row["output"]
    parts = output.split("/")
    names = [store.name_of(output)] if output.startswith(f"{store.shown.rstrip('/')}/") else []
    names += ["/".join(parts[i:]) for i, part in enumerate(parts) if is_result_folder(part)]
    if row["source"] != row["item"]:
        # A member of a shard: its new name has as many folders as the old one.
        member = PurePosixPath(row["source"][len(row["item"]) :].lstrip("/"))
        depth = len(member.parts)
        names = ["/".join(PurePosixPath(name).parts[:-depth]) for name in names]
    names = [name for name in names if name]
    return next((name for name in names if name in sizes), names[0] if names else output)


def _difference(row: Mapping[str, Any], job: Job, facts: WorkerFacts) -> str | None:
    """The first setting of an earlier result that differs from the job's, or None."""
    names = ("task", "network", "scale", "local", "weights_digest") if facts.task else ()
    for name in (*names, "backend", "precision"):
        before, now = row[name], getattr(facts, name)
        if before != now and before:  # empty if auto found nothing to restore
            return f"{name}={before!r}"
    suffix = job.options.suffix
    if suffix and row["output"] and row["weights_digest"]:  # the row of a shard itself has none
        written = posixpath.splitext(row["output"])[1].lower()
        if written != suffix:
            return f"suffix={written!r}"
    options = json.loads(row["options"])
    wanted = json.loads(json.dumps(job.options.pixel_options()))
    for name in options:
        if name in wanted and name != "memory" and options[name] != wanted[name]:
            return f"{name}={options[name]!r}"
    return None
