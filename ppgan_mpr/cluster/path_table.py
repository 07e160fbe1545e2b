"""Reads tables (CSV or Parquet) that list the pictures of a bulk job."""

from __future__ import annotations

import io
import os
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..imaging.formats import readable_suffixes
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

if TYPE_CHECKING:
    import pyarrow

#: Suffixes of tables.
TABLES = (".csv", ".parquet")
#: Suffixes of other files that may list paths. Such files cannot be read.
UNREADABLE_TABLES = (
    ".txt", ".lst", ".list", ".tsv", ".json", ".jsonl", ".ndjson", ".feather", ".arrow",
    ".xls", ".xlsx", ".ods",
)  # fmt: skip
# Names of the column with the paths; the first that exists is used
_COLUMNS = ("path", "url", "source", "image", "file")


def listed_places(table: Store) -> list[tuple[Store, str]]:
    """The files that a table lists, each once, with the folders of their outputs.

    Relative paths start at the table's folder. Outputs keep the folders below the common parent of
    all files. If a relative path leads to a file below the table's folder, the common parent of
    the files and this folder is used. Local files and addresses have separate common parents.

    Raises:
        UsageError: the table cannot be read, or lists no file.
    """
    start = Store(_parent(table.shown), _parent(table.root))
    unique: dict[str, Store] = {}
    anchored = set()  # files with relative paths below the table's folder
    for path in _paths(table, start):
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


def _paths(table: Store, start: Store) -> list[str]:
    """The entries of the column with the paths."""
    import pyarrow

    is_csv = path_of(table.root).lower().endswith(".csv")
    try:
        content = read_place(table.root)
        column = _csv_column(table, content, start) if is_csv else _parquet_column(table, content)
        entries = column.to_pylist()
    except UnicodeDecodeError:
        raise UsageError(f"{table.shown} is not UTF-8 text: save it with this encoding.") from None
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(f"{table.shown} cannot be read as a table: {reason}.") from None
    return [_cleaned(entry, start) for entry in entries if entry and entry.strip()]


def _csv_column(table: Store, content: bytes, start: Store) -> pyarrow.ChunkedArray:
    """The column of a CSV file, whose header may be missing if it has one column."""
    import pyarrow
    from pyarrow import csv

    content.decode()  # raises an error for other encodings
    with csv.open_csv(io.BytesIO(content)) as stream:
        names = stream.schema.names
    number = _chosen(table, names)
    is_header = len(names) > 1 or _known(names[0]) > 0 or not _may_be_path(names[0], start)
    numbers = [str(i) for i in range(len(names))]
    options = csv.ReadOptions(column_names=numbers, skip_rows_after_names=int(is_header))
    texts = csv.ConvertOptions(
        include_columns=[str(number)], column_types={str(number): pyarrow.string()}
    )
    return csv.read_csv(io.BytesIO(content), options, convert_options=texts).column(0)


def _parquet_column(table: Store, content: bytes) -> pyarrow.ChunkedArray:
    """The column of a Parquet file."""
    from pyarrow import parquet, types

    schema = parquet.read_schema(io.BytesIO(content))
    field = schema.field(_chosen(table, schema.names))
    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if not (types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)):
        raise UsageError(
            f"The column {field.name} of {table.shown} holds {field.type} instead of paths."
        )
    return parquet.read_table(io.BytesIO(content), columns=[field.name]).column(0)


def _chosen(table: Store, names: list[str]) -> int:
    """The number of the column with the paths."""
    known = [_known(name) for name in names]
    if any(known):
        return min((rank, number) for number, rank in enumerate(known) if rank)[1]
    if len(names) == 1:
        return 0
    columns = ", ".join(names) or "none"
    raise UsageError(f"{table.shown} has no column named path: its columns are {columns}.")


def _known(name: str) -> int:
    """The rank of a column's name among the usual ones, from 1; 0 if it is no such name."""
    name = name.strip().lower()
    return _COLUMNS.index(name) + 1 if name in _COLUMNS else 0


def _may_be_path(text: str, start: Store) -> bool:
    suffixes = (*readable_suffixes(), ".tar")
    return "/" in text or text.strip().lower().endswith(suffixes) or _exists(text, start)


def _exists(path: str, start: Store) -> bool:
    return start.is_local and os.path.lexists(joined(start.root, path))


def _cleaned(path: str, start: Store) -> str:
    """A path without spaces around it, unless they belong to the file's name, and without ``~``."""
    path = path if _exists(path, start) else path.strip()
    return os.path.expanduser(path) if path.startswith("~/") else path


def _beside(folder: Store, path: str) -> Store:
    """The file that a table in ``folder`` lists as ``path``."""
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
