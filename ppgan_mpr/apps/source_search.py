"""Lists the pictures to restore that a user names by paths, folders, globs, arrays, ..."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..networks import tasks
from .folder_search import Search, pictures_in, pictures_matching
from .sources import Source, real_path, unique


def expand(
    images: Any,
    recursive: bool = False,
    output_path: Path | None = None,
    passed_over: Counter[str] | None = None,
) -> list[Source]:
    """List the pictures that ``images`` names, in order.

    A folder or glob lists each file once. A picture that is given twice is listed twice. A
    sub-folder that cannot be searched, or an open file that cannot be read, is listed with its
    problem.

    Args:
        images: a file, a folder, a glob, the bytes of a file or an open binary file, a numpy
            array, a PIL image, a source, or a list of these.
        recursive: take the pictures of sub-folders too.
        output_path: where results go. Results of earlier runs in it are left out.
        passed_over: counts, by suffix, the files in folders that are no pictures by their names.

    Raises:
        UsageError: a path does not exist, or there is no picture in it.
    """
    results = _result_folders(output_path) if output_path else set()
    search = Search(recursive, results, Counter() if passed_over is None else passed_over)
    sources = list(_expand(images, search))
    if not sources:
        raise UsageError("There is no picture to restore: the list is empty.")
    return sources


def _result_folders(output_path: Path) -> set[str]:
    """The folders of the results of a task, or of several tasks, ``A+B``."""
    folders = {output_path / task for task in tasks()}
    if output_path.is_dir() and os.access(output_path, os.R_OK):
        folders |= {p for p in output_path.iterdir() if set(p.name.split("+")) <= set(tasks())}
    return {real_path(folder) for folder in folders}


def _expand(images: Any, search: Search) -> Iterator[Source]:
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
    except Exception as error:  # read() is not our code, so it may raise anything
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


def _expand_path(text: str, search: Search) -> Iterator[Source]:
    if not text:
        raise UsageError("The name of a picture is empty.")
    # If a path exists as written, ~ and the characters of patterns in it are taken literally.
    path = Path(text if os.path.lexists(text) else os.path.expanduser(text))
    if os.path.isdir(path):
        yield from unique(pictures_in(path, search))
    elif os.path.lexists(path):
        yield Source(str(path), path.stem, path)
    elif glob.has_magic(text):
        found = pictures_matching(path, search)
        if not found:
            literal = ' (write a "[" that is part of a name as "[[]")' if "[" in text else ""
            raise UsageError(f"No file matches {text}{literal}.")
        yield from found
    else:
        raise UsageError(f"There is no file or folder {text}.")
