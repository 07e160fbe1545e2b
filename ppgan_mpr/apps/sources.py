"""Turns what a user hands in (paths, folders, globs, arrays, ...) into pictures to restore."""

from __future__ import annotations

import errno
import glob
import itertools
import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..dependencies import install_command
from ..errors import ImageError, UsageError
from ..imaging import Photo, PhotoReader, from_array, from_pil, ordinary, to_pil
from ..imaging.formats import RAW_SUFFIXES, VIDEO_SUFFIXES, readable_suffixes
from ..imaging.memory_budget import Share
from ..networks import Task, tasks

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Source:
    """One picture.

    Attributes:
        name: for messages.
        stem: the output's name begins with it.
        path: the file, or None for a picture in memory.
        picture: array, PIL image, or the bytes of a file; None for a file.
        folder: its place below the scanned folder, kept below the output folder.
        right: of a left view, the right one.
        problem: why there is no picture, such as a folder that cannot be searched or an open file
            that cannot be read; None if there is one.
        detected: what ``task='auto'`` found in it; see :class:`.result.ResultRecord`.
    """

    name: str
    stem: str
    path: Path | None = None
    picture: Any = None
    folder: Path = Path()
    right: Source | None = None
    problem: str | None = None
    detected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Any:
        """Equal for two names of one file; of a picture in memory like that of no other."""
        own = id(self) if self.path is None else _real(self.path)
        return own, self.right and self.right.identity

    def read(
        self, reader: PhotoReader, isolated: bool = True, memory: Share | None = None
    ) -> Photo:
        """The picture.

        Args:
            reader: reads files.
            isolated, memory: see :meth:`~ppgan_mpr.imaging.PhotoReader.read`.

        Raises:
            ImageError: it cannot be read, or is no picture.
        """
        if self.problem is not None:
            raise ImageError(self.problem)
        if self.path is not None:
            return reader.read(self.path, isolated, memory)
        if isinstance(self.picture, bytes):
            return reader.decode(self.picture, self.name, isolated, memory)
        if hasattr(self.picture, "getexif"):
            return from_pil(self.picture)
        try:
            array = np.asarray(self.picture)
        except Exception as error:  # whatever somebody's __array__ raises
            raise ImageError(f"it cannot be read as an array: {error}") from error
        return from_array(array)

    @property
    def is_pillow(self) -> bool:
        """Whether it is a Pillow image in memory."""
        return self.path is None and hasattr(self.picture, "getexif")

    def like(self, photo: Photo) -> Any:
        """The restored photo in the form of the picture in memory; of a file, an array."""
        if self.is_pillow:
            return to_pil(photo)
        array = photo.to_array()
        if self.path is None and not isinstance(self.picture, bytes):
            return array if array.ndim == np.ndim(self.picture) else array[..., np.newaxis]
        return array


@dataclass(frozen=True)
class _Search:
    """How folders are searched, and what was found beside pictures.

    Attributes:
        recursive: take the pictures of sub-folders too.
        results: folders that are left out.
        passed_over: number of other files by suffix.
    """

    recursive: bool
    results: set[str]
    passed_over: Counter[str]


def expand(
    images: Any,
    recursive: bool = False,
    output_path: Path | None = None,
    passed_over: Counter[str] | None = None,
) -> list[Source]:
    """List the pictures that ``images`` names, in order.

    A folder or glob names each file once; what is given twice is listed twice.
    A sub-folder that cannot be searched, and an open file that cannot be read, is listed with its
    problem.

    Args:
        images: a file, a folder, a glob, the bytes of a file or an open binary file, a numpy
            array, a PIL image, a source, or a list of these.
        recursive: take the pictures of sub-folders too.
        output_path: where results go; those of earlier runs are not taken as inputs.
        passed_over: gets the number of files, by suffix, that folders hold and that are no
            pictures by their names.

    Raises:
        UsageError: nothing there, or no picture in it.
    """
    results = _result_folders(output_path) if output_path else set()
    search = _Search(recursive, results, Counter() if passed_over is None else passed_over)
    sources = list(_expand(images, search))
    if not sources:
        raise UsageError("There is no picture to restore: the list is empty.")
    return sources


def _result_folders(output_path: Path) -> set[str]:
    """The folders of the results of a task, or of several tasks, ``A+B``."""
    folders = {output_path / task for task in tasks()}
    if output_path.is_dir() and os.access(output_path, os.R_OK):
        folders |= {p for p in output_path.iterdir() if set(p.name.split("+")) <= set(tasks())}
    return {_real(folder) for folder in folders}


def unique(sources: Iterable[Source]) -> list[Source]:
    """Each picture once, at its first place; under its own name rather than a link's."""
    found: dict[Any, Source] = {}
    for source in sources:
        known = found.get(source.identity)
        if known is None or _is_link(known) > _is_link(source):
            found[source.identity] = source
    return list(found.values())


def pair_views(left: list[Source], right: list[Source]) -> list[Source]:
    """The left views of scenes, each with its right one.

    Files of the same name belong together, pictures in memory in their order, and one picture
    and one picture always.

    Raises:
        UsageError: views without partner.
    """
    problems = [source for source in (*left, *right) if source.problem is not None]
    left = [source for source in left if source.problem is None]
    right = [source for source in right if source.problem is None]
    in_memory = all(source.path is None for source in (*left, *right))
    if len(left) == len(right) and (in_memory or len(left) == 1):
        pairs = [replace(one, right=other) for one, other in zip(left, right)]
        return pairs + problems

    if in_memory:
        raise UsageError(
            f"{len(left)} left and {len(right)} right views were given: give as many of both."
        )

    def name(source: Source) -> tuple[Path, str]:
        return source.folder, source.stem

    partners = {name(source): source for source in right}
    names = {name(source) for source in left}
    unpaired = [source.name for source in left if name(source) not in partners]
    unpaired += [source.name for source in right if name(source) not in names]
    if unpaired or not len(names) == len(left) == len(right):
        raise UsageError(
            f"{len(left)} left and {len(right)} right views do not pair by name"
            + (
                f" ({len(unpaired)} without partner: {unpaired[0]}, …)."
                if unpaired
                else " (doubles)."
            )
        )
    return [replace(source, right=partners[name(source)]) for source in left] + problems


def check_views(sources: Iterable[Source], task: Task) -> None:
    """See that every picture has the views that a task takes.

    Raises:
        UsageError: right views are missing or superfluous.
    """
    for source in sources:
        if source.problem is not None:
            continue
        if source.right is None and task.views == 2:
            raise UsageError(
                f"{task.name} takes a left and a right view: give the right one too (right=)."
            )
        if source.right is not None and task.views == 1:
            raise UsageError(f"{task.name} takes no right views: leave them out.")


def may_need_isolation(source: Source) -> bool:
    """Whether the file is one, by its name, that is never decoded in this process."""
    return source.path is not None and source.path.suffix.lower() not in ordinary.SUFFIXES


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _is_link(source: Source) -> bool:
    return source.path is not None and source.path.is_symlink()


def _expand(images: Any, search: _Search) -> Iterator[Source]:
    if isinstance(images, Source):
        yield images
    elif isinstance(images, (str, os.PathLike)):
        yield from _expand_path(os.fspath(images), search)
    elif isinstance(images, (bytes, bytearray, memoryview)):
        yield Source("picture in memory", "image", picture=bytes(images))
    elif hasattr(images, "read") and not hasattr(images, "getexif"):
        yield _from_file_object(images)
    elif hasattr(images, "__array__") or hasattr(images, "getexif"):
        yield Source("picture in memory", "image", picture=images)
    elif isinstance(images, Iterable):
        for image in images:
            yield from _expand(image, search)
    else:
        raise UsageError(
            f"An object of type {type(images).__name__} is not a picture: give a path, a folder, a "
            "glob, bytes, a binary file, a numpy array, a PIL image or a list of these."
        )


def _from_file_object(file: Any) -> Source:
    name = getattr(file, "name", None)
    path = Path(name) if isinstance(name, str) else None
    content = problem = None
    try:
        content = file.read()
    except Exception as error:  # whatever somebody's read() raises, such as for a closed file
        problem = f"it cannot be read: {error or type(error).__name__}"
    if problem is None and not isinstance(content, (bytes, bytearray, memoryview)):
        kind = type(content).__name__
        problem = f"its read() returns {kind} and not bytes: open the file with mode 'rb'"
    return Source(
        name=str(path) if path else "picture in memory",
        stem=path.stem if path else "image",
        picture=None if problem else bytes(content or b""),
        problem=problem,
    )


def _expand_path(text: str, search: _Search) -> Iterator[Source]:
    if not text:
        raise UsageError("The name of a picture is empty.")
    # Only what does not exist as it stands is a home directory's short form or a pattern.
    path = Path(text if os.path.lexists(text) else os.path.expanduser(text))
    if os.path.isdir(path):
        yield from unique(_scan(path, search))
    elif os.path.lexists(path):
        yield Source(str(path), path.stem, path)
    elif glob.has_magic(text):
        fixed = itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)
        results = search.results
        if _inside(os.path.join(*fixed, "any"), results):
            results = set()  # who names the folder of the results wants them
        matches = sorted(glob.glob(_pattern(path), recursive=True), key=_natural)
        files = [Path(m) for m in matches if os.path.isfile(m) and not _inside(m, results)]
        problems = _unsearchable(path, results)
        if not files and not problems:
            literal = " (a [ that is part of a name is written [[])" if "[" in text else ""
            raise UsageError(f"No file matches {text}{literal}.")
        yield from unique(Source(str(file), file.stem, file) for file in files)
        yield from problems
    else:
        raise UsageError(f"There is no file or folder {text}.")


def _pattern(path: Path) -> str:
    """The path as a pattern whose first parts are literal as far as they exist as written."""
    literal = Path()
    for number, part in enumerate(path.parts):
        if not os.path.lexists(literal / part):
            return os.path.join(glob.escape(str(literal)), *path.parts[number:])
        literal /= part
    return glob.escape(str(literal))


def _unsearchable(path: Path, results: set[str]) -> list[Source]:
    """The folders that a pattern searches in vain; :mod:`glob` passes over them in silence.

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
        listed: whether its files must be found, or one is looked up by its name.
    """
    try:
        if listed:
            os.scandir(folder).close()
        if not os.access(folder, os.X_OK):  # names without the files behind them
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
    return any(str(parent) in folders for parent in Path(_real(Path(file))).parents)


def _scan(folder: Path, search: _Search) -> list[Source]:
    """The pictures of a folder, and after them the sub-folders that cannot be searched."""
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
        folders[:] = [name for name in folders if _real(here / name) not in search.results]
        for name in files:
            if not name.startswith("."):
                known = Path(name).suffix.lower() in suffixes
                (found if known else others).append(here / name)
    search.passed_over.update(file.suffix.lower() for file in others)
    raw = [file for file in others if file.suffix.lower() in RAW_SUFFIXES]
    if raw:
        logger.warning(
            "%d raw camera file(s) in %s were passed over (%s): run  %s  to have them developed.",
            len(raw),
            folder,
            min(raw).name,
            install_command("rawpy"),
        )
    videos = [file for file in others if file.suffix.lower() in VIDEO_SUFFIXES]
    if videos:
        logger.warning(
            "%d video(s) in %s were passed over (%s): name a video itself to have it restored.",
            len(videos),
            folder,
            min(videos).name,
        )
    if not found and not problems:
        deeper = "" if search.recursive else " (recursive=True searches sub-folders)"
        raise UsageError(f"The folder {folder} holds no picture{deeper}.")
    found.sort(key=lambda file: _natural(str(file)))
    pictures = [Source(str(f), f.stem, f, folder=f.parent.relative_to(folder)) for f in found]
    return pictures + sorted(problems, key=lambda source: _natural(source.name))


def _natural(text: str) -> list[Any]:
    """Sort key by which IMG_2 comes before IMG_10."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", text)]
