"""Finds the pictures in a folder, and the files that a pattern matches."""

from __future__ import annotations

import errno
import glob
import itertools
import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dependencies import install_command
from ..errors import UsageError
from ..imaging.formats import RAW_SUFFIXES, VIDEO_SUFFIXES, readable_suffixes
from .sources import Source, real_path, unique

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """How folders are searched.

    Attributes:
        recursive: take the pictures of sub-folders too.
        results: real paths of folders with results, which are left out.
        passed_over: counts, by suffix, the files that are no pictures by their names.
    """

    recursive: bool
    results: set[str]
    passed_over: Counter[str]


def pictures_in(folder: Path, search: Search) -> list[Source]:
    """The pictures in a folder, and after them the sub-folders that cannot be searched.

    Raises:
        UsageError: the folder holds no picture or cannot be searched.
    """
    found: list[Path] = []
    others: list[Path] = []
    problems: list[Source] = []

    def note(error: OSError) -> None:
        place = Path(os.fsdecode(error.filename or folder))
        if place == folder:
            raise UsageError(f"The folder {folder} cannot be searched: {error.strerror}.")
        problems.append(_unsearched(place, error))

    suffixes = readable_suffixes()
    for parent, folders, files in os.walk(folder, onerror=note):
        here = Path(parent)
        if not search.recursive:
            folders.clear()
        folders[:] = [name for name in folders if real_path(here / name) not in search.results]
        for name in files:
            if not name.startswith("."):
                known = Path(name).suffix.lower() in suffixes
                (found if known else others).append(here / name)
    search.passed_over.update(file.suffix.lower() for file in others)
    _warn_of_others(folder, others)
    if not found and not problems:
        deeper = "" if search.recursive else " (recursive=True searches sub-folders)"
        raise UsageError(f"The folder {folder} holds no picture{deeper}.")
    found.sort(key=lambda file: _natural(str(file)))
    pictures = [Source(str(f), f.stem, f, folder=f.parent.relative_to(folder)) for f in found]
    return pictures + sorted(problems, key=lambda source: _natural(source.name))


def _warn_of_others(folder: Path, others: Sequence[Path]) -> None:
    """Warn of files in a folder that could be restored in another way."""
    develop = f"run  {install_command('rawpy')}  to have them developed"
    for kind, suffixes, advice in (
        ("raw camera file(s)", RAW_SUFFIXES, develop),
        ("video(s)", VIDEO_SUFFIXES, "name a video itself to have it restored"),
    ):
        files = [file for file in others if file.suffix.lower() in suffixes]
        if files:
            logger.warning(
                "%d %s in %s were passed over (%s): %s.",
                len(files),
                kind,
                folder,
                min(files).name,
                advice,
            )


def pictures_matching(path: Path, search: Search) -> list[Source]:
    """The files that a pattern matches, and after them the folders that cannot be searched.

    Args:
        path: the pattern, with ``*``, ``?``, ``[…]`` or ``**``.
        search: only ``results`` is used; it is ignored if the pattern itself begins with one of
            these folders.
    """
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)
    results = search.results
    if _inside(os.path.join(*fixed, "any"), results):
        results = set()  # the user asks for these results
    matches = sorted(glob.glob(_pattern(path), recursive=True), key=_natural)
    files = [Path(m) for m in matches if os.path.isfile(m) and not _inside(m, results)]
    pictures = unique(Source(str(file), file.stem, file) for file in files)
    return pictures + _unsearchable(path, results)


def _pattern(path: Path) -> str:
    """The path as a glob. Leading parts that exist under exactly this name are literal."""
    literal = Path()
    for number, part in enumerate(path.parts):
        if not os.path.lexists(literal / part):
            return os.path.join(glob.escape(str(literal)), *path.parts[number:])
        literal /= part
    return glob.escape(str(literal))


def _unsearchable(path: Path, results: set[str]) -> list[Source]:
    """The folders that a pattern cannot search; :mod:`glob` does not report them.

    Args:
        path: the pattern.
        results: folders that are left out.
    """
    problems: dict[str, Source] = {}
    seen: set[str] = set()
    parts = Path(_pattern(path)).parts
    first = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    for number in range(first, len(parts)):
        part = parts[number]
        # Two stars search the folders below as well.
        searched = parts[: number + (part == "**")]
        folders = glob.glob(os.path.join(*searched, ""), recursive=True) if searched else []
        if number == 0:
            folders.append(os.curdir)
        for place in map(os.path.normpath, folders):
            if place in seen or _inside(os.path.join(place, "any"), results):
                continue
            seen.add(place)
            problem = _why_unsearchable(place, listed=glob.has_magic(part))
            if problem is not None:
                problems[place] = _unsearched(Path(place), problem)
    return sorted(problems.values(), key=lambda source: _natural(source.name))


def _why_unsearchable(folder: str, listed: bool) -> OSError | None:
    """Why the files of a folder cannot be seen; None if they can.

    Args:
        folder: the folder.
        listed: whether its files are searched; otherwise one is looked up by its name.
    """
    try:
        if listed:
            os.scandir(folder).close()
        if not os.access(folder, os.X_OK):  # its names can be listed, but its files cannot be read
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    except FileNotFoundError:  # removed meanwhile
        return None
    except OSError as error:
        return error
    return None


def _unsearched(folder: Path, error: OSError) -> Source:
    problem = f"the folder cannot be searched: {error.strerror or error}"
    return Source(str(folder), folder.name, problem=problem)


def _inside(file: str, folders: set[str]) -> bool:
    return any(str(parent) in folders for parent in Path(real_path(Path(file))).parents)


def _natural(text: str) -> list[Any]:
    """Sort key by which IMG_2 comes before IMG_10."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", text)]
