"""The table of results: one row for each picture and task, written in parts while the job runs.

Each part is written atomically. Its name holds a hash of its pictures' names, so a part that is
written twice exists once. At the end of the job all parts become one Parquet file.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..apps.result import ResultRecord
from .job import RESULTS, STATE
from .stores import Store

if TYPE_CHECKING:
    import pyarrow

#: Folder of the parts, in the output folder.
PARTS = f"{STATE}/parts"
_JSON = ("options", "versions", "detected")  # dictionaries, stored as JSON text
_PAIRS = ("size", "tile")
_ROWS = 1000  # rows of a table that are in memory as dictionaries
_KEYS = ["source", "item", "task", "detected"]
_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # a byte of a file name that is not UTF-8


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        record: the picture's record.
        item: the input file: the picture itself, or its tar shard.
        input_bytes, input_stamp: size and time stamp of the input file when it was listed.
        output_bytes: size of the output; 0 if it is in a shard.
        node: name of the machine that restored it.
    """

    record: ResultRecord
    item: str
    input_bytes: int = 0
    input_stamp: str = ""
    output_bytes: int = 0
    node: str = ""


def schema() -> pyarrow.Schema:
    """The columns: the fields of :class:`~ppgan_mpr.ResultRecord`, then those of :class:`Row`."""
    import pyarrow as pa

    texts, pair = pa.list_(pa.string()), pa.list_(pa.int32())
    own = {
        "stages": texts, "warnings": texts, "size": pair, "tile": pair,
        "seconds": pa.float64(), "scale": pa.int32(), "threads": pa.int32(), "tiles": pa.int32(),
        "local": pa.bool_(), "skipped": pa.bool_(),
    }  # fmt: skip
    names = ResultRecord("").to_dict()
    columns = [(name, own.get(name, pa.string())) for name in names]
    columns += [("item", pa.string()), ("input_bytes", pa.int64()), ("input_stamp", pa.string())]
    return pa.schema([*columns, ("output_bytes", pa.int64()), ("node", pa.string())])


def write_part(store: Store, run: str, rows: Sequence[Row]) -> None:
    """Write the rows of finished pictures.

    Args:
        store: store of the outputs.
        run: name of the run.
        rows: the rows.

    Raises:
        OSError: the part cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist([_flat(row) for row in rows], schema=schema())
    names = "\n".join(row.record.source for row in rows)
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:20]
    file = io.BytesIO()
    parquet.write_table(table, file)
    store.write(f"{PARTS}/{run}-{digest}.parquet", file.getbuffer())


def read_rows(
    store: Store, columns: list[str] | None = None, finished: bool | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of all runs as dictionaries, those of earlier runs first.

    Besides the columns, a row has the name of its part as ``part``. All rows of a shard are in one
    part, so rows of the shard in earlier parts are out of date.

    Args:
        store: store of the outputs.
        columns: names of the columns to read; None: all.
        finished: True: only the rows of finished jobs. False: only those of an unfinished job.
            None: all.
    """
    for name in _files(store):
        if finished is None or finished == (name == RESULTS):
            for batch in _read(store, name, columns).to_batches(max_chunksize=_ROWS):
                for row in batch.to_pylist():
                    named = {column: _with_names(value) for column, value in row.items()}
                    yield {**named, "part": name}


def record_of(row: Mapping[str, Any]) -> ResultRecord:
    """The record in a row of the table."""
    fields = {name: row[name] for name in ResultRecord("").to_dict()}
    fields.update({name: json.loads(fields[name] or "{}") for name in _JSON})
    return ResultRecord.from_dict(fields)


def task_of(row: Mapping[str, Any]) -> str:
    """The task of a row's job: empty if the job chose a task for each picture."""
    return "" if row["detected"] not in (None, "{}") else row["task"] or ""


def finalise(store: Store) -> int:
    """Merge the parts into one table, and return its length.

    For each input file and task, the table has the rows of the last restoration.
    """
    from pyarrow import parquet

    files = _files(store)
    last: dict[tuple[str, str], int] = {}  # input file and task -> number of the table
    for number, name in enumerate(files):
        for row in _read(store, name, _KEYS).to_pylist():
            last[row["item"], task_of(row)] = number
    count = 0
    with tempfile.TemporaryDirectory(prefix="ppgan_mpr-") as folder:
        file = Path(folder, RESULTS)
        with parquet.ParquetWriter(file, schema()) as writer:
            for number in sorted(set(last.values())):
                part = _read(store, files[number], None)
                places = {
                    (row["source"], task_of(row)): place
                    for place, row in enumerate(part.select(_KEYS).to_pylist())
                    if last[row["item"], task_of(row)] == number
                }
                writer.write_table(part.take(sorted(places.values())))
                count += len(places)
        store.write_file(RESULTS, file)
    for name in files:
        if name != RESULTS:
            store.remove(name)
    return count


def _files(store: Store) -> list[str]:
    """Names of the existing tables, the earliest first."""
    parts, _ = store.listed(PARTS)
    earlier = [RESULTS] if store.find(RESULTS) else []
    found = [p.name for p in parts if posixpath.splitext(p.name)[1] == ".parquet"]
    return [*earlier, *sorted(found)]


def _read(store: Store, name: str, columns: list[str] | None) -> pyarrow.Table:
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(store.read(name)), columns=columns)


def _flat(row: Row) -> dict[str, Any]:
    fields = row.record.to_dict()
    fields.update({name: json.dumps(dict(fields[name])) for name in _JSON})
    fields.update({name: pair and list(pair) for name, pair in fields.items() if name in _PAIRS})
    own = {name: value for name, value in vars(row).items() if name != "record"}
    return {name: _text(value) for name, value in {**fields, **own}.items()}


def _text(value: Any) -> Any:
    """A value for Parquet, whose texts are UTF-8: other bytes of a file name become escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return [_text(one) for one in value] if isinstance(value, (list, tuple)) else value


def _with_names(value: Any) -> Any:
    """The inverse of :func:`_text`."""
    if isinstance(value, str) and "\\udc" in value:
        return _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), value)
    return [_with_names(one) for one in value] if isinstance(value, list) else value
