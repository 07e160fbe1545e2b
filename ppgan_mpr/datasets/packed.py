"""Packed data sets: all pictures in one file, for disks that open many small files slowly.

The file is an uncompressed tar archive, which any ``tar`` unpacks to the original folders. Its
first member, ``index.json``, states the position, length and size in pixels of each picture. So
pictures can be read in any order, each in a single read, and the data set is checked without
opening them.

A picture in such a file has a path such as ``data/GoPro.tar/input/7.png``. The data sets of
:mod:`.mpr_dataset` read a packed data set like a folder of pairs.
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
        offset: position of its first byte in the tar file.
        size: number of its bytes.
        header: header of the picture.
    """

    offset: int
    size: int
    header: Header


class Packed:
    """A packed data set that any number of processes and threads can read.

    Args:
        path: the tar file.

    Attributes:
        entries: name in the archive, such as ``input/7.png`` → the picture.

    Raises:
        UsageError: the file was not written by :func:`pack`, or it is incomplete.
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
            # It is never closed, as workers read from it until they end.
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
        except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is not a packed data set ({error}): make one with mprnet-prepare-data."
            ) from None

    def read(self, name: str) -> bytes:
        """Read the bytes of a picture's file.

        Raises:
            ImageError: the file cannot be read.
        """
        entry = self.entries[name]
        try:
            if hasattr(os, "pread"):  # it needs no file position, which processes would share
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
        """The sorted paths of the pictures in a folder of the archive."""
        wanted = set(suffixes)
        return sorted(
            self.path / name
            for name in self.entries
            if name.rpartition("/")[0] == folder and Path(name).suffix.lower() in wanted
        )


def find_packed(path: str | Path) -> tuple[Packed, str] | None:
    """Split a path into its packed data set and the name inside; None for other paths."""
    text = os.fspath(path)
    if SUFFIX not in text:
        return None
    path = Path(text)
    for file in (path, *path.parents):
        if file.suffix == SUFFIX and file.is_file():
            return _opened(file, file.stat().st_mtime_ns), path.relative_to(file).as_posix()
    return None


def refuse_packed(folder: str | Path) -> None:
    """Raise UsageError for a packed data set, where only a folder on the disk will do."""
    if find_packed(folder):
        raise UsageError(f"{folder} is a packed data set: unpack it with tar, and give its folder.")


@lru_cache(maxsize=16)
def _opened(path: Path, modified: int) -> Packed:
    return Packed(path)


def pack(folder: str | Path, path: str | Path, groups: Iterable[Iterable[Path]]) -> int:
    """Write pictures of a folder atomically into one file.

    Args:
        folder: the folder; names in the archive are relative to it.
        path: the file to write, ``….tar``.
        groups: the pictures; those of a group are read together and stored side by side.

    Returns:
        Number of pictures.

    Raises:
        UsageError: the folder is a packed data set, or the file has another extension or cannot be
            written.
        ImageError: a picture cannot be read.
    """
    folder, path = Path(folder), Path(path)
    refuse_packed(folder)
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} is not a {SUFFIX} file: give a name that ends in {SUFFIX}.")
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
                    raise ImageError(f"{picture} changed while it was read: try again")
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
