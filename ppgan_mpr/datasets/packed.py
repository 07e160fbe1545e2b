"""Data sets in a single file, for disks on which opening many small files is slow.

The file is an uncompressed tar archive, which any ``tar`` unpacks to the folders that it was made
of. Its first member, ``index.json``, states where each picture begins and how large it is, so
that pictures are read in any order, one read each, and none is opened to check the data set.

A picture in such a file has the path ``data/GoPro.tar/input/7.png``: everything that names a
folder of pairs may name a packed one instead.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..errors import ImageError, UsageError
from ..files import atomic_write
from ..imaging.header import Header, read_header

SUFFIX = ".tar"
_INDEX = "index.json"
_VERSION = 1


class Entry(NamedTuple):
    """One picture of a packed data set.

    Attributes:
        offset: its first byte in the file.
        size: its number of bytes.
        header: of the picture.
    """

    offset: int
    size: int
    header: Header


class Packed:
    """A packed data set that is open for reading, by any number of processes and threads.

    Args:
        path: the tar file.

    Attributes:
        entries: name in the archive, such as ``input/7.png``, → the picture.

    Raises:
        UsageError: it is not a file that :func:`pack` wrote, or it is incomplete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                block = file.read(tarfile.BLOCKSIZE)
                info = tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
                if info.name != _INDEX:
                    raise ValueError("its first member is not the index")
                content = json.loads(file.read(info.size))
                start = tarfile.BLOCKSIZE + _padded(info.size)
            if content["version"] != _VERSION:
                raise ValueError(f"its version is {content['version']}")
            self.entries = {
                name: Entry(start + offset, size, Header(*header))
                for name, (offset, size, *header) in content["pictures"].items()
            }
            end = max((entry.offset + entry.size for entry in self.entries.values()), default=0)
            if path.stat().st_size < end:
                raise ValueError("it ends too early")
            # Never closed: workers read from it until they end.
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
        except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is not a packed data set ({error}): make one with mprnet-prepare-data."
            ) from None

    def read(self, name: str) -> bytes:
        """The bytes of a picture's file.

        Raises:
            ImageError: they cannot be read.
        """
        entry = self.entries[name]
        try:
            if hasattr(os, "pread"):  # which has no position that processes would share
                data = os.pread(self._file, entry.size, entry.offset)
            else:
                with self.path.open("rb") as file:
                    file.seek(entry.offset)
                    data = file.read(entry.size)
        except OSError as error:
            raise ImageError(f"{self.path}/{name} cannot be read: {error.strerror}") from None
        if len(data) != entry.size:
            raise ImageError(f"{self.path}/{name} cannot be read: the file ends too early")
        return data

    def list(self, folder: str, suffixes: Iterable[str]) -> list[Path]:
        """Paths of the pictures in a folder of the archive, sorted."""
        wanted = set(suffixes)
        return sorted(
            self.path / name
            for name in self.entries
            if name.rpartition("/")[0] == folder and Path(name).suffix.lower() in wanted
        )


def find_packed(path: str | Path) -> tuple[Packed, str] | None:
    """The packed data set that a path leads into, and the name inside; None for other paths."""
    text = os.fspath(path)
    if SUFFIX not in text:
        return None
    path = Path(text)
    for file in (path, *path.parents):
        if file.suffix == SUFFIX and file.is_file():
            return _opened(file, file.stat().st_mtime_ns), path.relative_to(file).as_posix()
    return None


@lru_cache(maxsize=16)
def _opened(path: Path, modified: int) -> Packed:
    return Packed(path)


def pack(folder: str | Path, path: str | Path, groups: Iterable[Iterable[Path]]) -> int:
    """Write pictures of a folder into one file, atomically.

    Args:
        folder: that the names in the archive are relative to.
        path: the file to write, ``….tar``.
        groups: pictures, those that are read together in one group; they stand side by side.

    Returns:
        Number of pictures.

    Raises:
        UsageError: the file has another extension or cannot be written.
        ImageError: a picture cannot be read.
    """
    folder, path = Path(folder), Path(path)
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} is no {SUFFIX} file: give a name that ends in {SUFFIX}.")
    files = [picture for group in groups for picture in group]
    heads, pictures, offset = [], {}, 0
    for picture in files:
        name, size = picture.relative_to(folder).as_posix(), picture.stat().st_size
        head = _head(name, size)
        offset += len(head)
        pictures[name] = (offset, size, *read_header(picture))
        offset += _padded(size)
        heads.append(head)
    index = json.dumps({"version": _VERSION, "pictures": pictures}).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as archive:
            archive.write(_head(_INDEX, len(index)) + _fill(index))
            for head, picture in zip(heads, files):
                content = picture.read_bytes()
                if len(content) != pictures[picture.relative_to(folder).as_posix()][1]:
                    raise ImageError(f"{picture} changes while it is read: try again")
                archive.write(head)
                archive.write(_fill(content))
            archive.write(bytes(2 * tarfile.BLOCKSIZE))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
    return len(files)


def _head(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _fill(content: bytes) -> bytes:
    return content + bytes(_padded(len(content)) - len(content))
