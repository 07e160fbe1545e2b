"""The output path of a run: a folder, or the file of a single picture."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..errors import UsageError
from ..imaging import RAW_SUFFIXES, SUFFIXES, PhotoReader
from ..imaging.formats import WRITABLE
from ..inference import InferenceOptions
from .manifest import Manifest
from .outputs import Outputs
from .result import ResultRecord
from .sources import Source


def checked_path(path: str | os.PathLike[str]) -> Path:
    """An output path with ``~`` replaced.

    Raises:
        UsageError: it cannot become a folder, or a picture that can be written.
    """
    folder = Path(os.path.expanduser(path))
    try:
        os.lstat(folder)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(
                f"{folder}: the name is too long for a file, choose a shorter one."
            ) from None
    suffix = folder.suffix.lower()
    if suffix in (SUFFIXES | RAW_SUFFIXES) - set(WRITABLE) and not folder.is_dir():
        raise UsageError(f"{folder}: pictures are not written as {suffix}, choose .png or .tif.")
    above = folder.parents if is_file_name(folder) else (folder, *folder.parents)
    for place in above:
        if os.path.lexists(place) and not os.path.isdir(place):
            raise UsageError(f"The output path {folder} cannot be made: {place} is a file.")
    return folder


def is_file_name(path: Path) -> bool:
    """Whether the path names a picture rather than a folder."""
    return path.suffix.lower() in WRITABLE and not path.is_dir()


def folder_of(path: Path, task: str) -> Path:
    """The folder in which the results of a task are written."""
    return path.parent if is_file_name(path) else path / task


def outputs_at(
    path: Path | None,
    task: str,
    options: InferenceOptions,
    sources: Sequence[Source],
    wanted: ResultRecord,
    reader: PhotoReader | None = None,
    keep_manifest: bool = True,
    dry_run: bool = False,
) -> Outputs | None:
    """The outputs of one run.

    Args:
        path: see :func:`checked_path`; None writes no files.
        task: name of the task, and of the folder below ``path``.
        options: ``suffix``, ``existing`` and ``allow_loss`` are used.
        sources: the pictures.
        wanted: how this run restores; see :func:`.up_to_date.judge`.
        reader: reads existing outputs; default: one with the usual limits.
        keep_manifest: list how each output in a folder was made.
        dry_run: write nothing; see :class:`.outputs.Outputs`.

    Raises:
        UsageError: there are several pictures and one output file, or a path and options
            contradict each other.
    """
    if path is None:
        return None
    folder, suffix, existing = folder_of(path, task), options.suffix, options.existing
    allow_loss = options.allow_loss
    make = partial(Outputs, folder, allow_loss=allow_loss, reader=reader, dry_run=dry_run)
    if not is_file_name(path):
        manifest = Manifest(path) if keep_manifest else None
        return make(suffix, existing, sources, manifest=manifest, wanted=wanted)
    check_count(path, len(sources))
    if suffix not in (None, path.suffix.lower()):
        raise UsageError(f"suffix={suffix!r} contradicts the output file {path}: leave it out.")
    return make(path.suffix, existing, sources, file=path)


def check_count(path: Path | None, count: int) -> None:
    """Check that an output path that names a file is for one picture.

    Raises:
        UsageError: there are several.
    """
    if path is not None and is_file_name(path) and count > 1:
        raise UsageError(
            f"{path} names one output file, but there are {count} pictures: name a folder."
        )
