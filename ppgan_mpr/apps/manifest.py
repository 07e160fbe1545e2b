"""The manifest of an output folder: a file that records how each output was made.

Each output has a line of JSON, in the order in which the outputs were written. If an output has
several lines, the last one is valid. A line is appended when its output is complete. It is
written whole and under a lock, so that several processes can restore into one folder. Damaged
lines are ignored.

An output that replaces a file, and each output of a network's earlier stage, is announced before
it is written: a line of its own holds only its name and the digest of its content. If the process
is killed before it lists the output, the announcement shows that the user did not edit the output.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..files import locked
from .result import ResultRecord

#: Name of the manifest in the folder of the outputs.
MANIFEST = "ppgan_mpr_manifest.jsonl"

logger = logging.getLogger(__name__)

_DECODER = json.JSONDecoder()
_START = b'{"output": '


@dataclass(frozen=True)
class FileState:
    """A file as it was at one moment.

    Attributes:
        path: relative to the folder of the manifest, with forward slashes.
        bytes: size.
        mtime_ns: time of the last change.
        sha256: digest of the content in hexadecimal, or None if it was not computed.
    """

    path: str
    bytes: int
    mtime_ns: int
    sha256: str | None = None

    @classmethod
    def of(cls, path: Path, name: str) -> FileState:
        """The state of a file now, without a digest.

        Args:
            path: the file.
            name: see ``path`` above.

        Raises:
            OSError: there is no such file.
        """
        status = path.stat()
        return cls(name, status.st_size, status.st_mtime_ns)

    def with_digest(self, path: Path) -> FileState:
        """This state with the digest of the content, if the file has not changed since."""
        try:
            digest = _sha256(path)
            status = path.stat()
        except OSError:
            return self
        same = (status.st_size, status.st_mtime_ns) == (self.bytes, self.mtime_ns)
        return replace(self, sha256=digest) if same else self

    def same_content(self, path: Path) -> bool:
        """Whether a file has the same content.

        Files of equal size and time are taken as equal. If only the time differs, as after
        copying, the digests are compared.

        Raises:
            OSError: the file cannot be read.
        """
        status = path.stat()
        if status.st_size != self.bytes:
            return False
        return status.st_mtime_ns == self.mtime_ns or _sha256(path) == self.sha256


@dataclass(frozen=True)
class Entry:
    """One line of a manifest.

    Attributes:
        output: the output as it was written.
        sources: the file of the source as it was read; two views have two files, the left one
            first. Empty for a picture in memory.
        time: when the output was written, in UTC and ISO 8601.
        record: how it was made.
    """

    output: FileState
    sources: tuple[FileState, ...]
    time: str
    record: ResultRecord


class Manifest:
    """The manifest of a folder. Neither of them needs to exist yet.

    Args:
        folder: of the outputs.

    Attributes:
        path: of the manifest.
    """

    def __init__(self, folder: Path):
        self.path = folder / MANIFEST
        self._folder = folder
        self._real_folder = os.path.realpath(folder)
        self._places: dict[str, list[int]] = {}  # output -> where its lines begin
        self._read = 0  # bytes of the manifest that have been read
        self._lock = threading.Lock()

    def append(self, record: ResultRecord, output: Path, sources: tuple[FileState, ...]) -> None:
        """Add the line of an output that has just been written.

        Args:
            record: how it was made.
            output: the file, below the folder.
            sources: see :class:`Entry`.

        Raises:
            OSError: the manifest cannot be written, or the output cannot be read.
        """
        state = FileState.of(output, self._name(output)).with_digest(output)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        line = {
            "output": state.path,
            "bytes": state.bytes,
            "mtime_ns": state.mtime_ns,
            "sha256": state.sha256,
            "time": now,
            "sources": [asdict(source) for source in sources],
            "record": record.to_dict(),
        }
        self._write(line)

    def announce(self, output: Path, content: bytes | memoryview) -> None:
        """Announce the content that a file is about to get; see :meth:`announced`.

        Args:
            output: the file, below the folder.
            content: the whole file.

        Raises:
            OSError: the manifest cannot be written.
        """
        self._write(
            {"output": self._name(output), "announced_sha256": hashlib.sha256(content).hexdigest()}
        )

    def announced(self, output: Path) -> bool:
        """Whether a file holds the content that a run has announced.

        Raises:
            OSError: the file cannot be read.
        """
        digests = {
            line["announced_sha256"]
            for line in self._lines(output)
            if isinstance(line, dict) and isinstance(line.get("announced_sha256"), str)
        }
        return bool(digests) and _sha256(output) in digests

    def find(self, output: Path) -> Entry | None:
        """The last entry of an output, or None; announcements and damaged lines are passed over."""
        return next(filter(None, map(_entry, self._lines(output))), None)

    def relative(self, path: Path) -> str:
        """A file's path relative to the folder, with forward slashes.

        It depends neither on links nor on the current folder. A file on another Windows drive has
        its absolute path.
        """
        real = os.path.realpath(path)
        with contextlib.suppress(ValueError):
            real = os.path.relpath(real, self._real_folder)
        return real.replace(os.sep, "/")

    def _name(self, output: Path) -> str:
        return output.relative_to(self._folder).as_posix()

    def _write(self, line: dict[str, Any]) -> None:
        if self.path.exists() and not self.path.is_file():  # a pipe would answer "Illegal seek"
            raise OSError(errno.EINVAL, "it is not an ordinary file")
        with self.path.open("ab+", buffering=0) as file, locked(file):
            _append(file, f"{json.dumps(line)}\n".encode())

    def _lines(self, output: Path) -> Iterator[Any]:
        """The parsed lines of an output, the last one first, without lines that are no JSON."""
        try:
            with self._lock:
                self._update()
                places = self._places.get(self._name(output), [])[::-1]
            if not places:
                return
            with self.path.open("rb") as file:
                for place in places:
                    file.seek(place)
                    with contextlib.suppress(ValueError, RecursionError):
                        yield json.loads(file.readline())
        except OSError:
            return

    def _update(self) -> None:
        """Find the lines that this and other processes have appended since the last call."""
        try:
            size = self.path.stat().st_size
            if size < self._read:  # another file
                self._places.clear()
                self._read = 0
            if size == self._read:
                return
            with self.path.open("rb") as file:
                file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    output = _output_of(line)
                    if output is not None:
                        self._places.setdefault(output, []).append(self._read)
                    self._read += len(line)
        except FileNotFoundError:
            self._places.clear()
            self._read = 0


def _append(file: BinaryIO, line: bytes) -> None:
    """Write a whole line at the end of a file, or nothing."""
    end = file.seek(0, os.SEEK_END)
    if end:
        file.seek(end - 1)
        if file.read(1) != b"\n":  # the writer of the last line was killed
            line = b"\n" + line
    left = memoryview(line)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(end)
        raise


def _output_of(line: bytes) -> str | None:
    """The output named in a line, without parsing the rest; None if the line is damaged."""
    if line.startswith(_START) and line.endswith(b"}\n"):
        with contextlib.suppress(ValueError, RecursionError):
            output, _ = _DECODER.raw_decode(line.decode("ascii"), len(_START))
            return output if isinstance(output, str) else None
    return None


def _entry(line: Any) -> Entry | None:
    """The entry in a line; None if the line is not in the form of :meth:`Manifest.append`."""
    try:
        output = FileState(line["output"], line["bytes"], line["mtime_ns"], line["sha256"])
        sources = tuple(FileState(**source) for source in line["sources"])
        record = ResultRecord.from_dict(line["record"])
        time = line["time"]
    except (LookupError, TypeError, AttributeError):
        return None
    return Entry(output, sources, time, record) if isinstance(record.options, dict) else None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
