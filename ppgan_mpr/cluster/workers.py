"""The steps of a bulk job that run on the nodes: read, restore and write tables of pictures."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..apps.result import ResultRecord
from ..apps.task_names import AUTO
from ..errors import ImageError, RestorationError, UsageError
from ..imaging.decode import SIGNATURE_BYTES, recognised
from ..imaging.limits import Limits
from ..imaging.read import read_bytes
from .items import Item
from .job import Job, WorkerFacts
from .listing import Naming
from .picture_outputs import OutputFile
from .problems import storage_reason
from .restoring_process import Answer, Request, RestoringProcess
from .shards import answer_of_failure, restore_shard
from .stores import is_address, read_place
from .table import PARTS, Row, write_part

if TYPE_CHECKING:
    import pyarrow

_REQUESTS = 8  # files that are read or written concurrently


def table_of(items: list[Item]) -> pyarrow.Table:
    """Items as a table that travels between nodes."""
    import pyarrow as pa

    return pa.table({"item": [item.to_json() for item in items]})


class Reader:
    """Reads the files of pictures.

    Args:
        job: the job; its limits apply.
    """

    def __init__(self, job: Job):
        self._limits = job.options.limits

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Add the content of its file, or a problem, to each item."""
        import pyarrow as pa

        with ThreadPoolExecutor(_REQUESTS) as pool:
            read = list(pool.map(self._read, table.column("item").to_pylist()))
        contents = pa.array([content for _, content in read], pa.large_binary())
        return pa.table({"item": [item for item, _ in read], "content": contents})

    def _read(self, text: str) -> tuple[str, bytes]:
        item = Item.from_json(text)
        if item.problem is not None or item.shard:
            return text, b""
        try:
            return text, read_picture(item, self._limits)
        except (RestorationError, OSError) as error:
            return replace(item, problem=str(error)).to_json(), b""


def read_picture(item: Item, limits: Limits) -> bytes:
    """Read the file of a picture, with the checks and messages of the command line.

    Raises:
        ImageError: it cannot be read, is too large, or does not begin like a picture.
    """
    if not is_address(item.place):
        return read_bytes(Path(item.place), limits, item.source)
    try:
        content = read_place(item.place)
        limits.check_file(len(content))
        if content and not recognised(content[:SIGNATURE_BYTES], Path(item.source).suffix.lower()):
            raise ImageError("it is not a picture in a known format, or it is damaged")
    except ImageError as error:
        raise type(error)(f"{item.source} cannot be read: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"{item.source} cannot be read: there is no such file") from None
    except OSError as error:
        raise ImageError(f"{item.source} cannot be read: {error}") from None
    return content


class Worker:
    """Restores pictures with a loaded network; there is one for each GPU or group of cores.

    Args:
        job: how pictures are restored.
        expected: how every worker must compute.

    Raises:
        UsageError: this node computes differently.
    """

    def __init__(self, job: Job, expected: WorkerFacts):
        self._job = job
        self._process = RestoringProcess(job)
        reason = incompatible(self._process.facts, expected)
        if reason:
            raise UsageError(f"The node {platform.node()} cannot take part: {reason}.")

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Restore items with their contents; returns rows and the files to write."""
        import pyarrow as pa

        rows: list[str] = []
        files: list[list[dict[str, Any]]] = []
        for row, written in self._rows(table):
            rows.append(_packed(row))
            files.append([{**vars(file), "name": _as_bytes(file.name)} for file in written])
        struct = pa.struct(
            [("name", pa.binary()), ("content", pa.large_binary()), ("mode", pa.int32())]
        )
        return pa.table({"row": rows, "files": pa.array(files, pa.list_(struct))})

    def _rows(self, table: pyarrow.Table) -> Iterator[tuple[Row, list[OutputFile]]]:
        node = platform.node()
        requests = []
        for text, content in zip(
            table.column("item").to_pylist(), table.column("content").to_pylist()
        ):
            item = Item.from_json(text)
            if item.shard:
                for answer in self._restore_shard(item):
                    record = self._with_task(answer.record)
                    yield Row(record, item.source, item.nbytes, item.stamp, 0, node), []
            else:
                requests.append(Request(item, content))
        for answer in self._process.restore(requests):
            item, files = answer.item, answer.files
            size = len(files[-1].content) if files else 0
            record = self._with_task(answer.record)
            yield Row(record, item.source, item.nbytes, item.stamp, size, node), files

    def _with_task(self, record: ResultRecord) -> ResultRecord:
        """A record with the job's task, which the records of some failures lack."""
        return record if record.task else replace(record, task=self._process.facts.task)

    def _restore_shard(self, item: Item) -> list[Answer]:
        name = Naming(self._process.facts.task or AUTO, None, str).wanted(item)
        output = self._job.output
        if item.source != item.taken.get(name, item.source):
            return [answer_of_failure(item, f"{item.taken[name]} has the same name")]
        if name in item.present and self._job.options.existing == "error":
            text = (
                f"{output.shown_as(name)} exists and was left alone: use existing='overwrite' to "
                "replace it or existing='skip' to pass over it"
            )
            return [answer_of_failure(item, text)]
        if name in item.present and self._job.options.existing == "skip":
            record = ResultRecord(item.source, output=output.shown_as(name), skipped=True)
            return [Answer(item, record, [])]
        try:
            records = restore_shard(item, name, output, self._process)
        except (RestorationError, OSError) as error:
            return [answer_of_failure(item, error)]
        return [Answer(item, record, []) for record in records]


class Writer:
    """Writes results, and their part of the table of results.

    Args:
        job: the job.
    """

    def __init__(self, job: Job):
        self._job = job

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Write files and rows; returns the rows for showing progress.

        Raises:
            UsageError: the rows cannot be written.
        """
        import pyarrow as pa

        texts, files = table.column("row").to_pylist(), table.column("files").to_pylist()
        with ThreadPoolExecutor(_REQUESTS) as pool:
            rows = list(pool.map(self._write, texts, files))
        if rows:
            try:
                write_part(self._job.output, self._job.run, rows)
            except OSError as error:
                place = self._job.output.shown_as(PARTS)
                raise UsageError(
                    f"The table of results in {place} cannot be written: {storage_reason(error)}. "
                    "The same command continues the job."
                ) from None
        # JSON can hold names that are not UTF-8.
        return pa.table({"progress": [json.dumps(progress_of(row)) for row in rows]})

    def _write(self, text: str, files: list[dict[str, Any]]) -> Row:
        row = _unpacked(text)
        try:
            for file in files:
                self._job.output.write(_as_text(file["name"]), file["content"], file["mode"])
        except (OSError, ValueError) as error:  # object stores refuse names that are not UTF-8
            reason = f"{row.record.output} cannot be written: {storage_reason(error)}"
            record = replace(row.record, output=None, stages=(), error=reason)
            return replace(row, record=record, output_bytes=0)
        return row


def progress_of(row: Row) -> dict[str, Any]:
    """The fields of a row that show progress."""
    record = row.record
    width, height = record.size or (0, 0)
    return {
        "source": record.source,
        "error": record.error,
        "skipped": record.skipped,
        "left_alone": bool(record.detected) and not record.task and record.error is None,
        "pixels": width * height,
        "seconds": record.seconds,
        "node": row.node,
        "item": row.item,
    }


def incompatible(found: WorkerFacts, expected: WorkerFacts) -> str | None:
    """Why a node with these facts cannot take part in a job; None if it can."""
    names = ("backend", "precision", "weights_digest", "task", "network", "scale", "local")
    for name in names:
        here, there = getattr(found, name), getattr(expected, name)
        if here != there:
            return f"it uses {name}={here!r} instead of {there!r}"
    if expected.precision != "f32" and found.native != expected.native:
        return f"its processor computes in {found.native} instead of {expected.native}"
    if found.cores < expected.threads:
        return f"it has {found.cores} cores instead of {expected.threads}"
    for package, version in expected.versions.items():
        here = found.versions.get(package)
        if package != "python" and here != version:
            return f"it needs {package} {version} but has {here or 'none'}"
    return None


def _as_bytes(name: str) -> bytes:
    """A file name for a table; a name that is not UTF-8 cannot be a text there."""
    return name.encode("utf-8", "surrogatepass")


def _as_text(name: bytes) -> str:
    """The inverse of :func:`_as_bytes`."""
    return name.decode("utf-8", "surrogatepass")


def _packed(row: Row) -> str:
    return json.dumps({**vars(row), "record": row.record.to_dict()})


def _unpacked(text: str) -> Row:
    fields = json.loads(text)
    return Row(**{**fields, "record": ResultRecord.from_dict(fields["record"])})
