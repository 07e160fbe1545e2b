"""Lists, reads and writes files in folders and object stores; each write is atomic."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from ..dependencies import require
from ..errors import UsageError
from ..files import atomic_write

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

Done = TypeVar("Done")

# Attempts at a request to an object store, and seconds to wait after the first one fails. Each
# further pause is twice as long.
_ATTEMPTS, _FIRST_PAUSE = 5, 0.2
_FINAL = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# Options at the end of an address; a name may hold question marks too
_OPTIONS = re.compile(r"(?:\w+=[^&?]*(?:&\w+=[^&?]*)*)?")


@dataclass(frozen=True)
class Entry:
    """A file in a store.

    Attributes:
        name: path below the store's root, with forward slashes.
        nbytes: size in bytes.
        stamp: time of the last change, as the store gives it.
        mode: permission bits; 0o666 in object stores.
    """

    name: str
    nbytes: int
    stamp: str
    mode: int = 0o666


@dataclass(frozen=True)
class Store:
    """The files below a folder, or below a prefix of an object store.

    Attributes:
        shown: the place as the user wrote it, for messages and records. An address is without
            options and password.
        root: absolute path of the folder, or the address.
    """

    shown: str
    root: str

    @classmethod
    def at(cls, place: str) -> Store:
        """The store at a path or address such as ``s3://bucket/photos``.

        Raises:
            MissingDependencyError: it is an address, and pyarrow cannot be loaded.
            UsageError: no installed package opens such an address.
        """
        if is_address(place):
            _filesystem(place)  # raises the error for a wrong address before the work starts
            root = with_path(place, path_of(place).rstrip("/"))
            return cls(without_options(root), root)
        expanded = os.path.expanduser(place)
        return cls(expanded.rstrip("/") or "/", os.path.abspath(expanded))

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder, on this machine or shared by all nodes."""
        return not is_address(self.root)

    def shown_as(self, name: str) -> str:
        """A file's place for messages and records."""
        return f"{self.shown.rstrip('/')}/{name}" if name else self.shown

    def place(self, name: str) -> str:
        """A file's absolute path or address."""
        return joined(self.root, name) if name else self.root

    def name_of(self, shown: str) -> str:
        """The inverse of :meth:`shown_as`."""
        start = self.shown
        return shown[len(start) :].lstrip("/") if shown.startswith(start) else shown

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: it is missing or cannot be read.
        """
        return read_place(self.place(name))

    def open(self, name: str) -> BinaryIO:
        """Open a file as a stream, which cannot seek."""
        return open_place(self.place(name))

    def write(self, name: str, content: bytes | memoryview, mode: int = 0o666) -> None:
        """Write a file atomically; it replaces an existing one.

        Raises:
            OSError: it cannot be written.
        """
        place = self.place(name)
        if self.is_local:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place, mode=mode) as file:
                file.write(content)
            return
        filesystem, path = _located(place)
        # An object appears when its upload is complete. A failed upload leaves nothing.
        _again(lambda: _upload(filesystem, path, content))

    def write_file(self, name: str, file: Path, mode: int = 0o666) -> None:
        """Write a file with the content of another one, which may be larger than the memory."""
        place = self.place(name)
        if self.is_local:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place, mode=mode) as target, file.open("rb") as source:
                _copy(source, target)
            return
        filesystem, path = _located(place)

        def upload() -> None:
            with file.open("rb") as source, filesystem.open_output_stream(path) as target:
                _copy(source, target)

        _again(upload)

    def find(self, name: str) -> Entry | None:
        """The entry of a file, or None if there is no such file."""
        place = self.place(name)
        if self.is_local:
            try:
                status = os.stat(place)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _local_entry(name, status) if stat.S_ISREG(status.st_mode) else None
        filesystem, path = _located(place)
        found = _again(lambda: filesystem.get_file_info(path))
        return _remote_entry(name, found) if found.is_file else None

    def folders(self, name: str = "", recursive: bool = True) -> Iterator[list[Entry]]:
        """Yield the files of a folder, then those of each sub-folder; hidden ones are left out.

        Args:
            name: the folder, which need not exist.
            recursive: search sub-folders too.
        """
        pending = [name]
        while pending:
            entries, below = self.listed(pending.pop())
            yield entries
            if recursive:
                pending += sorted(below, reverse=True)

    def listed(self, name: str) -> tuple[list[Entry], list[str]]:
        """The files in a folder, sorted by name, and its sub-folders; none if it does not exist."""
        return self._local_folder(name) if self.is_local else self._remote_folder(name)

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        place = self.place(name)
        if self.is_local:
            Path(place).unlink(missing_ok=True)
            return
        filesystem, path = _located(place)
        with contextlib.suppress(FileNotFoundError):
            _again(lambda: filesystem.delete_file(path))

    def remove_empty(self, name: str) -> None:
        """Remove a folder if it is empty; in an object store, remove the object that marks it."""
        if self.is_local:
            with contextlib.suppress(OSError):
                os.rmdir(self.place(name))
            return
        from pyarrow.fs import FileSelector

        filesystem, path = _located(self.place(name))
        with contextlib.suppress(FileNotFoundError):
            if not _again(lambda: filesystem.get_file_info(FileSelector(path))):
                _again(lambda: filesystem.delete_dir(path))

    def _local_folder(self, name: str) -> tuple[list[Entry], list[str]]:
        entries, below = [], []
        try:
            with os.scandir(self.place(name)) as found:
                for one in found:
                    if one.name.startswith("."):
                        continue
                    inner = joined(name, one.name)
                    if one.is_dir(follow_symlinks=False):
                        below.append(inner)
                    elif one.is_file():
                        entries.append(_local_entry(inner, one.stat()))
                    elif one.is_symlink() and not os.path.exists(one.path):
                        entries.append(Entry(inner, 0, ""))  # reading it reports the error
        except FileNotFoundError:
            return [], []
        return sorted(entries, key=lambda entry: entry.name), below

    def _remote_folder(self, name: str) -> tuple[list[Entry], list[str]]:
        from pyarrow.fs import FileSelector, FileType

        filesystem, path = _located(self.place(name))
        selector = FileSelector(path, allow_not_found=True)
        entries, below = [], []
        for found in _again(lambda: filesystem.get_file_info(selector)):
            inner = joined(name, found.base_name)
            if found.base_name.startswith("."):
                continue
            if found.type == FileType.Directory:
                below.append(inner)
            elif found.is_file:
                entries.append(_remote_entry(inner, found))
        return sorted(entries, key=lambda entry: entry.name), below


def is_address(place: str) -> bool:
    """Whether a place is an address such as ``s3://bucket`` rather than a path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", place) is not None


@dataclass(frozen=True)
class Address:
    """The parts of ``scheme://user:password@host/path?options``.

    Object stores allow ``#`` and ``?`` in names, so this is no general URL: ``#`` has no special
    meaning, and options begin at the last ``?`` if they look like ``name=value``, or are empty.

    Attributes:
        scheme: such as ``s3``.
        host: the bucket, behind a user and password if there are any.
        path: path in the bucket, without a slash at its start.
        options: such as ``region=eu-central-1``.
    """

    scheme: str
    host: str
    path: str
    options: str = ""

    @classmethod
    def of(cls, text: str) -> Address:
        """The parts of an address."""
        scheme, _, rest = text.partition("://")
        path, mark, options = rest.rpartition("?")
        if not mark or not _OPTIONS.fullmatch(options):
            path, options = rest, ""
        host, _, path = path.partition("/")
        return cls(scheme, host, path, options)

    def __str__(self) -> str:
        # A final question mark without options shows that an earlier one belongs to the path.
        mark = "?" if self.options or "?" in self.path else ""
        return f"{self.shown_with(self.host)}{mark}{self.options}"

    def shown_with(self, host: str) -> str:
        """The address without options, with another host."""
        return f"{self.scheme}://{host}/{self.path}" if self.path else f"{self.scheme}://{host}"

    @property
    def bucket(self) -> str:
        """The host without user and password."""
        return self.host.rpartition("@")[2]


def without_options(place: str) -> str:
    """A path, or an address without options (``?region=...``) and password."""
    if not is_address(place):
        return place
    address = Address.of(place)
    return address.shown_with(address.bucket)


def path_of(place: str) -> str:
    """A path, or the path of an address in its bucket."""
    return Address.of(place).path if is_address(place) else place


def with_path(place: str, path: str) -> str:
    """``path``; if ``place`` is an address, this address with ``path`` instead of its own."""
    return str(replace(Address.of(place), path=path)) if is_address(place) else path


def joined(place: str, name: str) -> str:
    """Append a name to a path, or to an address in front of its options (``?region=...``)."""
    if not is_address(place):
        return posixpath.join(place, name)
    return with_path(place, posixpath.join(path_of(place).rstrip("/"), name))


def resolved(shown: str) -> str:
    """A file's place from a message or record, with the real path of its folder.

    So all spellings of the folder give the same place. Addresses stay as they are.
    """
    if is_address(shown):
        return shown
    folder, name = posixpath.split(shown)
    return posixpath.join(_real_folder(folder, os.getcwd()), name)


@lru_cache(maxsize=1024)
def _real_folder(folder: str, working_folder: str) -> str:
    return os.path.realpath(os.path.join(working_folder, folder))


def read_place(place: str) -> bytes:
    """The content of the file at a path or address.

    Raises:
        OSError: it is missing or cannot be read.
    """
    if not is_address(place):
        return Path(place).read_bytes()
    filesystem, path = _located(place)

    def download() -> bytes:
        with filesystem.open_input_stream(path) as stream:
            content: bytes = stream.readall()
            return content

    return _again(download)


def open_place(place: str) -> BinaryIO:
    """Open the file at a path or address as a stream, which cannot seek."""
    if not is_address(place):
        return open(place, "rb")
    filesystem, path = _located(place)
    stream: BinaryIO = _again(lambda: filesystem.open_input_stream(path))
    return stream


def _located(place: str) -> tuple[FileSystem, str]:
    """The file system of an address, and the path inside it."""
    address = Address.of(place)
    return _filesystem(place), f"{address.bucket}/{address.path}".rstrip("/")


def _filesystem(place: str) -> FileSystem:
    address = Address.of(place)
    return _opened(address.scheme, address.host, address.options)


@lru_cache(maxsize=32)
def _opened(scheme: str, host: str, query: str) -> FileSystem:
    pyarrow = require("pyarrow")
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    address = f"{scheme}://{host}" + (f"?{query}" if query else "")
    try:
        return FileSystem.from_uri(address)[0]
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):  # not known to pyarrow
        import fsspec

        try:
            return PyFileSystem(FSSpecHandler(fsspec.filesystem(scheme)))
        except (ValueError, ImportError) as error:
            raise UsageError(f"{scheme}:// cannot be opened: {error}.") from None
    except OSError as error:
        raise UsageError(f"{without_options(address)} cannot be opened: {error}.") from None


def _again(request: Callable[[], Done]) -> Done:
    """Repeat a request to an object store while it fails, and return the answer.

    Errors that repetition cannot cure, such as a missing object, are raised at once.
    """
    pause = _FIRST_PAUSE
    for _ in range(_ATTEMPTS - 1):
        try:
            return request()
        except _FINAL:
            raise
        except OSError as error:
            if error.errno in (errno.EACCES, errno.ENOENT):
                raise
            time.sleep(pause)
            pause *= 2
    return request()


def _upload(filesystem: FileSystem, path: str, content: bytes | memoryview) -> None:
    with filesystem.open_output_stream(path) as stream:
        stream.write(content)


def _copy(source: BinaryIO, target: Any) -> None:
    for block in iter(lambda: source.read(1 << 20), b""):
        target.write(block)


def _local_entry(name: str, status: os.stat_result) -> Entry:
    return Entry(name, status.st_size, str(status.st_mtime_ns), status.st_mode & 0o777)


def _remote_entry(name: str, found: Any) -> Entry:
    return Entry(name, found.size, str(found.mtime_ns))
