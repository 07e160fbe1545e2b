"""What a user may hand in, turned into a list of pictures to restore."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..imaging import SUFFIXES
from ..networks.tasks import ALL_TASKS


@dataclass(frozen=True)
class Source:
    """One picture.

    Attributes:
        name: for messages.
        stem: the output's name begins with it.
        path: the file, or None for a picture in memory.
        picture: the array or PIL image, or None for a file.
        folder: where below the scanned folder the file lay; kept in the output folder.
        right: of a dual-pixel camera's left view, the right one.
    """

    name: str
    stem: str
    path: Path | None = None
    picture: Any = None
    folder: Path = Path()
    right: Source | None = None


def expand(images: Any, recursive: bool = False, output_path: Path | None = None) -> list[Source]:
    """List the pictures that ``images`` names, each file once.

    Args:
        images: a file, a folder, a glob, a numpy array, a PIL image, or a list of these.
        recursive: take the pictures of sub-folders too.
        output_path: where results go; those of earlier runs are not taken as inputs.

    Raises:
        UsageError: nothing there, or no picture in it.
    """
    results = {_identity(output_path / task) for task in ALL_TASKS} if output_path else set()
    sources: dict = {}
    for source in _expand(images, recursive, results):
        key = _identity(source.path) if source.path else len(sources)
        if key not in sources or _is_link(sources[key]) > _is_link(source):
            sources[key] = source  # under its own name rather than a link's
    if not sources:
        raise UsageError("There is no picture to restore: the list is empty.")
    return list(sources.values())


def pair_views(left: list[Source], right: list[Source]) -> list[Source]:
    """The left views of a dual-pixel camera, each with its right one.

    Files of the same name belong together, pictures in memory in their order, and of course
    one picture and one picture.

    Raises:
        UsageError: views without partner.
    """
    in_memory = all(source.path is None for source in (*left, *right))
    if len(left) == len(right) and (in_memory or len(left) == 1):
        return [replace(one, right=other) for one, other in zip(left, right)]

    if in_memory:
        raise UsageError(
            f"{len(left)} left and {len(right)} right views were given: give as many of both."
        )

    def name(source: Source) -> tuple:
        return source.folder, source.stem

    partners = {name(source): source for source in right}
    names = {name(source) for source in left}
    lonely = [source.name for source in left if name(source) not in partners]
    lonely += [source.name for source in right if name(source) not in names]
    if lonely or not len(names) == len(left) == len(right):
        raise UsageError(
            f"{len(left)} left and {len(right)} right views do not pair by name"
            + (f" ({len(lonely)} without partner: {lonely[0]}, …)." if lonely else " (doubles).")
        )
    return [replace(source, right=partners[name(source)]) for source in left]


def _identity(path: Path) -> str:
    return os.path.realpath(path)


def _is_link(source: Source) -> bool:
    return source.path is not None and source.path.is_symlink()


def _expand(images: Any, recursive: bool, results: set[str]) -> Iterator[Source]:
    if isinstance(images, (str, os.PathLike)):
        yield from _expand_path(os.fspath(images), recursive, results)
    elif hasattr(images, "__array__") or hasattr(images, "getexif"):
        yield Source(name="picture in memory", stem="image", picture=images)
    elif isinstance(images, Iterable):
        for image in images:
            yield from _expand(image, recursive, results)
    else:
        raise UsageError(
            f"A {type(images).__name__} is not a picture: give a path, a folder, a glob, "
            "a numpy array, a PIL image or a list of these."
        )


def _expand_path(text: str, recursive: bool, results: set[str]) -> Iterator[Source]:
    if not text:
        raise UsageError("The name of a picture is empty.")
    # Only what does not exist as it stands is a home directory's short form or a pattern.
    path = Path(text if os.path.lexists(text) else os.path.expanduser(text))
    if os.path.isdir(path):
        found = _scan(path, recursive, results)
        if not found:
            deeper = "" if recursive else " (sub-folders are searched with --recursive)"
            raise UsageError(f"The folder {path} holds no picture{deeper}.")
        for file in found:
            yield Source(str(file), file.stem, file, folder=file.parent.relative_to(path))
    elif os.path.lexists(path):
        yield Source(str(path), path.stem, path)
    elif glob.has_magic(text):
        fixed = itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)
        if _inside(os.path.join(*fixed, "any"), results):
            results = set()  # who names the folder of the results wants them
        matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
        files = [Path(m) for m in matches if os.path.isfile(m) and not _inside(m, results)]
        if not files:
            raise UsageError(f"No file matches {text}.")
        for file in files:
            yield Source(str(file), file.stem, file)
    else:
        raise UsageError(f"There is no file or folder {text}.")


def _inside(file: str, folders: set[str]) -> bool:
    return any(str(parent) in folders for parent in Path(_identity(Path(file))).parents)


def _scan(folder: Path, recursive: bool, results: set[str]) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        if not recursive:
            folders.clear()
        folders[:] = [name for name in folders if _identity(here / name) not in results]
        found += [
            here / name
            for name in files
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    return sorted(found, key=lambda file: _natural(str(file)))


def _natural(text: str) -> list:
    """Sort key by which IMG_2 comes before IMG_10."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", text)]
