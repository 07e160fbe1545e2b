"""Reads tables (CSV or Parquet) that list the pictures of a bulk job."""

from __future__ import annotations

import io
import os
import posixpath
from dataclasses import replace

from ..errors import UsageError
from .stores import (
    Address,
    Store,
    is_address,
    joined,
    path_of,
    read_place,
    resolved,
    with_path,
    without_options,
)

#: Suffixes of tables.
TABLES = (".csv", ".parquet")
# Names of the column with the paths; the first that exists is used
_COLUMNS = ("path", "url", "source", "image", "file")


def listed_places(table: Store) -> list[tuple[Store, str]]:
    """The files that a table lists, each once, with the folders of their outputs.

    Relative paths start at the table's folder. If there are no others, outputs keep the folders
    below it. Otherwise, they keep those below the common parent of all files.

    Raises:
        UsageError: the table cannot be read, or lists no file.
    """
    start = Store(_parent(table.shown), _parent(table.root))
    unique: dict[str, Store] = {}
    anchored = set()  # files with relative paths below the table's folder
    for path in _paths(table):
        place = _beside(start, path)
        key = resolved(place.shown)
        unique.setdefault(key, place)
        if not (is_address(path) or os.path.isabs(path) or _leaves(path)):
            anchored.add(key)
    if not unique:
        raise UsageError(f"{table.shown} lists no picture.")
    folders = {key: posixpath.dirname(_absolute(place)) for key, place in unique.items()}
    bases = {}
    for remote in (False, True):
        found = [folder for key, folder in folders.items() if unique[key].is_local != remote]
        if anchored and start.is_local != remote:
            found.append(_absolute(start))
        bases[remote] = posixpath.commonpath(found) if found else ""
    return [
        (place, _below(folders[key], bases[not place.is_local])) for key, place in unique.items()
    ]


def _paths(table: Store) -> list[str]:
    """The entries of the column with the paths."""
    import pyarrow
    from pyarrow import csv, parquet

    content = io.BytesIO(read_place(table.root))
    try:
        is_csv = path_of(table.root).lower().endswith(".csv")
        read = csv.read_csv(content) if is_csv else parquet.read_table(content)
    except pyarrow.ArrowInvalid as error:
        raise UsageError(f"{table.shown} cannot be read as a table: {error}.") from None
    names = [name for name in read.column_names if name.lower() in _COLUMNS]
    if not names and read.num_columns > 1:
        raise UsageError(
            f"{table.shown} has no column named path: its columns are "
            f"{', '.join(read.column_names)}."
        )
    column = read.column(names[0] if names else 0)
    return [str(path) for path in column.to_pylist() if path]


def _beside(folder: Store, path: str) -> Store:
    """The file at a path in a table that is in ``folder``."""
    if is_address(path):
        return Store(without_options(path), _with_access(path, folder.root))
    path = posixpath.normpath(path)
    if os.path.isabs(path):
        return Store(path, path)
    if folder.is_local:
        return Store(*(posixpath.normpath(joined(p, path)) for p in (folder.shown, folder.root)))
    root = with_path(folder.root, posixpath.normpath(joined(path_of(folder.root), path)))
    return Store(without_options(root), root)


def _with_access(address: str, table: str) -> str:
    """An address with options and password of the table's address, if it has none of its own.

    They apply to the table's bucket, and with ``endpoint_override`` to all buckets of the server.
    """
    own = Address.of(address)
    if not is_address(table) or own.options or own.host != own.bucket:
        return address
    given = Address.of(table)
    same = own.bucket == given.bucket or "endpoint_override=" in given.options
    if own.scheme != given.scheme or not same:
        return address
    user = given.host[: len(given.host) - len(given.bucket)]
    return str(replace(own, host=user + own.bucket, options=given.options))


def _leaves(path: str) -> bool:
    return posixpath.normpath(path).startswith("../")


def _parent(place: str) -> str:
    path = posixpath.dirname(path_of(place))
    return with_path(place, path if path or is_address(place) else ".")


def _absolute(place: Store) -> str:
    """The absolute path of a file; for an address, it begins with the bucket."""
    if place.is_local:
        return place.root
    address = Address.of(place.root)
    return f"/{address.bucket}/{address.path}".rstrip("/")


def _below(folder: str, base: str) -> str:
    inner = posixpath.relpath(folder, base)
    return "" if inner == "." else inner
