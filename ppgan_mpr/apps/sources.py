"""What a user may hand in, turned into a list of pictures to restore."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..imaging import SUFFIXES


@dataclass(frozen=True)
class Source:
    """One picture.

    Attributes:
        name: for messages.
        stem: the output's name begins with it.
        path: the file, or None for a picture in memory.
        picture: the array or PIL image, or None for a file.
        folder: where below the scanned folder the file lay; kept in the output folder.
    """

    name: str
    stem: str
    path: Path | None = None
    picture: Any = None
    folder: Path = Path()


def expand(images: Any, recursive: bool = False, exclude: Path | None = None) -> list[Source]:
    """List the pictures that ``images`` names.

    Args:
        images: a file, a folder, a glob, a numpy array, a PIL image, or a list of these.
        recursive: take the pictures of sub-folders too.
        exclude: a folder whose files are not taken (the output folder, usually).

    Raises:
        UsageError: nothing there, or no picture in it.
    """
    sources = list(_expand(images, recursive, exclude))
    if not sources:
        raise UsageError("There is no picture to restore: the list is empty.")
    return sources


def _expand(images: Any, recursive: bool, exclude: Path | None) -> Iterator[Source]:
    if isinstance(images, (str, os.PathLike)):
        yield from _expand_path(os.fspath(images), recursive, exclude)
    elif hasattr(images, "__array__") or hasattr(images, "getexif"):
        yield Source(name="picture in memory", stem="image", picture=images)
    elif isinstance(images, Iterable):
        for image in images:
            yield from _expand(image, recursive, exclude)
    else:
        raise UsageError(
            f"A {type(images).__name__} is not a picture: give a path, a folder, a glob, "
            "a numpy array, a PIL image or a list of these."
        )


def _expand_path(text: str, recursive: bool, exclude: Path | None) -> Iterator[Source]:
    path = Path(text).expanduser()
    if path.is_dir():
        found = _scan(path, recursive, exclude)
        if not found:
            deeper = "" if recursive else " (sub-folders are searched with --recursive)"
            raise UsageError(f"The folder {path} holds no picture{deeper}.")
        for file in found:
            yield Source(str(file), file.stem, file, folder=file.parent.relative_to(path))
    elif path.exists():
        yield Source(str(path), path.stem, path)
    elif glob.has_magic(text):
        matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
        files = [Path(match) for match in matches if Path(match).is_file()]
        if not files:
            raise UsageError(f"No file matches {text}.")
        for file in files:
            yield Source(str(file), file.stem, file)
    else:
        raise UsageError(f"There is no file or folder {text}.")


def _scan(folder: Path, recursive: bool, exclude: Path | None) -> list[Path]:
    excluded = exclude.resolve() if exclude else None
    found = []
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        if not recursive:
            folders.clear()
        if excluded and here.resolve() == excluded:
            folders.clear()
            continue
        found += [
            here / name
            for name in files
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    return sorted(found, key=lambda file: _natural(str(file)))


def _natural(text: str) -> list:
    """Sort key by which IMG_2 comes before IMG_10."""
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", text)]
