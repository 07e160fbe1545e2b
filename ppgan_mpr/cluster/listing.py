"""Lists the pictures and tar shards of a bulk job's input."""

from __future__ import annotations

import contextlib
import glob
import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable

from ..apps.task_names import AUTO, JOINT
from ..errors import UsageError
from ..file_names import fitting_name
from ..imaging.formats import readable_suffixes
from ..networks import tasks
from .items import Item
from .job import STATE
from .path_table import TABLES, UNREADABLE_TABLES, listed_places
from .stores import Entry, Store, is_address, path_of, with_path, without_options

_SHARD = ".tar"


@dataclass
class Naming:
    """Rules for the names of outputs.

    Attributes:
        task: name of the task, and of its folder in the output folder; ``auto`` if the task is
            chosen for each picture.
        suffix: suffix of the outputs; None keeps the input's.
        key: gives equal keys for names of the same file; see
            :func:`~ppgan_mpr.file_names.name_key`.
        present: see :class:`.earlier.Earlier`.
    """

    task: str
    suffix: str | None
    key: Callable[[str], str]
    present: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def wanted(self, item: Item) -> str:
        """The output's name before the picture is read; its format may still change the suffix."""
        suffix = self.suffix or Path(item.source).suffix
        ending = _SHARD if item.shard else f"_restoration{suffix}"
        name = fitting_name(item.stem, ending)
        return posixpath.join(self.task, item.folder, name)

    def named(self, items: list[Item]) -> list[Item]:
        """Fill in ``taken`` and ``present`` of items.

        Args:
            items: all items whose outputs might get the same names, such as those of one folder.
        """
        owners: dict[str, Item] = {}
        stems: dict[str, list[Item]] = {}
        for item in items:
            owners.setdefault(self.key(self.wanted(item)), item)
            stems.setdefault(self.key(posixpath.join(item.folder, item.stem)), []).append(item)
        named = []
        for item in items:
            first = owners[self.key(self.wanted(item))]
            siblings = stems[self.key(posixpath.join(item.folder, item.stem))]
            taken = {} if first is item else {self.wanted(item): first.source}
            taken.update({self.wanted(one): one.source for one in siblings if one is not item})
            start = start_of(self.wanted(item), self.task)
            present = tuple(self.present.get(self.key(start), ())) if self.present else ()
            named.append(replace(item, taken=taken, present=present))
        return named


def start_of(name: str, task: str) -> str:
    """The part of an output's name between the task's folder and ``_restoration``."""
    below = name[len(task) + 1 :] if task else name
    return below.rpartition("_restoration")[0]


def is_result_folder(name: str) -> bool:
    """Whether jobs write into a folder of this name in the output folder."""
    return name in (STATE, AUTO) or set(name.split(JOINT)) <= set(tasks())


def outputs_in(store: Store) -> Iterator[Entry]:
    """The files, shards included, in the folders of tasks."""
    _, below = store.listed("")
    for folder in below:
        if folder != STATE and is_result_folder(folder):
            for entries in store.folders(folder):
                yield from entries


def list_items(
    input_path: str,
    recursive: bool,
    output: Store,
    naming: Naming,
    passed_over: Counter[str] | None = None,
) -> Iterator[Item]:
    """List the pictures and shards to restore, folder by folder.

    Args:
        input_path: a folder, a picture, a glob, a table of paths (CSV or Parquet), tar shards, or
            an address of one of these.
        recursive: search sub-folders too.
        output: store for the results; results of earlier jobs in it are not listed.
        naming: names the outputs.
        passed_over: counts the files whose suffix is not that of a picture, by suffix.

    Raises:
        UsageError: the input does not exist or holds no picture.
    """
    passed_over = Counter() if passed_over is None else passed_over
    store = Store.at(input_path)
    suffix = posixpath.splitext(path_of(store.root))[1].lower()
    found = store.find("")
    exists = found is not None or (store.is_local and os.path.lexists(store.root))
    if not exists and _pattern_of(input_path) is not None:
        yield from _from_glob(input_path, output, naming, passed_over)
    elif found is None:
        yield from _from_folder(store, recursive, output, naming, passed_over)
    elif suffix in TABLES:
        yield from _from_table(store, naming)
    elif suffix in UNREADABLE_TABLES:
        raise UsageError(
            f"{store.shown} is not a picture, tar shard or table of paths: write the paths into a "
            "CSV file (.csv) or a Parquet file (.parquet), in a column named path."
        )
    else:
        yield from naming.named([_item(store, found)])


def _from_folder(
    store: Store, recursive: bool, output: Store, naming: Naming, passed_over: Counter[str]
) -> Iterator[Item]:
    suffixes, count = readable_suffixes(), 0
    results = _results_below(store, output)
    if store.is_local and not os.path.isdir(store.root):
        raise UsageError(f"There is no file or folder {store.shown}.")
    for entries in store.folders(recursive=recursive):
        if entries and results is not None and _is_result(entries[0].name, results):
            continue
        items = []
        for entry in entries:
            known = posixpath.splitext(entry.name)[1].lower()
            if known in suffixes:
                items.append(_item(store, entry, posixpath.dirname(entry.name)))
            else:
                passed_over[known] += 1
        count += len(items)
        yield from naming.named(items)
    if not count:
        deeper = "" if recursive else " (recursive=True searches sub-folders)"
        raise UsageError(f"The folder {store.shown} holds no picture{deeper}.")


def _from_glob(
    pattern: str, output: Store, naming: Naming, passed_over: Counter[str]
) -> Iterator[Item]:
    """The pictures and shards that match.

    For ``a/b*/*.png`` the search starts in ``a``, and outputs keep the sub-folders below it.
    """
    parts = _pattern_of(pattern)
    assert parts is not None
    start, rest = parts
    store = Store.at(start)
    results = _results_below(store, output)
    match = re.compile(_regular(rest)).fullmatch
    deep = "/" in rest or "**" in rest
    suffixes = {*readable_suffixes(), _SHARD}
    items, others = [], 0
    for entries in store.folders(recursive=deep):
        if entries and results is not None and _is_result(entries[0].name, results):
            continue
        for entry in entries:
            known = posixpath.splitext(entry.name)[1].lower()
            if not match(entry.name):
                continue
            if known in suffixes:
                items.append(_item(store, entry, posixpath.dirname(entry.name)))
            else:
                passed_over[known] += 1
                others += 1
    if not items:
        raise UsageError(f"No {'picture' if others else 'file'} matches {pattern}.")
    yield from naming.named(items)


def _from_table(store: Store, naming: Naming) -> Iterator[Item]:
    """The pictures and shards in a table. In object stores, asking for sizes would take long."""
    items = []
    for place, folder in listed_places(store):
        found = None
        if place.is_local:
            with contextlib.suppress(OSError):  # reading the file reports the error
                found = place.find("")
        items.append(_item(place, found or Entry("", 0, ""), folder))
    yield from naming.named(items)


def _item(store: Store, entry: Entry, folder: str = "") -> Item:
    name = entry.name or posixpath.basename(path_of(store.root))
    stem, suffix = posixpath.splitext(posixpath.basename(name))
    return Item(
        store.shown_as(entry.name),
        store.place(entry.name),
        stem,
        folder,
        entry.nbytes,
        entry.stamp,
        entry.mode,
        suffix.lower() == _SHARD,
    )


def _pattern_of(text: str) -> tuple[str, str] | None:
    """The folder where a glob pattern starts, and the rest of it; None if it is no pattern."""
    path = path_of(text)
    if not glob.has_magic(path):
        return None
    parts = path.split("/")
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    folder = "/".join(parts[:first])
    if path.startswith("/") and not folder:
        folder = "/"
    elif not folder and not is_address(text):
        folder = "."
    return with_path(text, folder), "/".join(parts[first:])


def _regular(pattern: str) -> str:
    """A glob as a regular expression; only ``**`` matches across folders."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    words = re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|.", pattern)
    return "".join(
        signs.get(word)
        or ("[" + word[1:].replace("!", "^", 1) if len(word) > 1 else re.escape(word))
        for word in words
    )


def _results_below(store: Store, output: Store) -> str | None:
    """The path of the output folder relative to the input folder; None if it is not inside."""
    if store.is_local != output.is_local:
        return None
    inner, outer = without_options(output.root), without_options(store.root)
    if store.is_local:
        inner, outer = os.path.realpath(inner), os.path.realpath(outer)
    if inner == outer:
        return ""
    start = outer.rstrip("/") + "/"
    return inner[len(start) :] if inner.startswith(start) else None


def _is_result(name: str, results: str) -> bool:
    start = f"{results}/" if results else ""
    below = name[len(start) :] if name.startswith(start) else ""
    return is_result_folder(below.partition("/")[0]) if below else False
