"""Chooses the output file of a restored video and checks an existing one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ..apps.manifest import FileState, Manifest
from ..apps.outputs import permissions
from ..apps.predictor import Predictor
from ..apps.result import ResultRecord
from ..apps.sources import Source
from ..apps.up_to_date import judge
from ..errors import ImageError, UsageError
from ..file_names import fitting_name
from ..imaging.formats import is_video_name
from ..imaging.limits import Limits
from .clip import ClipFacts, inspect


@dataclass(frozen=True)
class Destination:
    """The output file of one video.

    Attributes:
        path: the file.
        manifest: manifest of the output folder; None where the user has named the file.
        keep: whether the existing output stays.
        replace: whether an existing output may be replaced.
        remarks: warnings about the existing output.
    """

    path: Path
    manifest: Manifest | None
    keep: bool = False
    replace: bool = False
    remarks: tuple[str, ...] = ()

    def list_made(self, record: ResultRecord, source: Path, before: FileState) -> tuple[str, ...]:
        """List the written output in the manifest.

        Args:
            record: how the output was made.
            source: the video.
            before: the state of the video before it was read.

        Returns:
            Warnings.
        """
        if self.manifest is None:
            return ()
        try:
            state = replace(before.with_digest(source), path=self.manifest.relative(source))
            self.manifest.append(record, self.path, (state,))
        except OSError as error:
            reason = error.strerror or error
            return (
                f"{self.manifest.path} cannot be written ({reason}), so it does not list "
                f"{self.path}",
            )
        return ()


def choose_destination(
    source: Path,
    output: Path,
    predictor: Predictor,
    wanted: ResultRecord,
    dry_run: bool = False,
) -> Destination:
    """Choose the output file of a video.

    Args:
        source: the video.
        output: a file with the suffix of a video; or a folder, in which the result is
            ``<task>/<stem>_restoration<suffix>``.
        predictor: gives the task and the option ``existing``.
        wanted: how the video is going to be restored.
        dry_run: do not make the output folder.

    Raises:
        UsageError: the output is the video itself, or its folder cannot be made.
        ImageError: the output exists and may not be replaced.
    """
    manifest = None
    path = output
    if not is_video_name(output) or output.is_dir():
        manifest = Manifest(output)
        ending = f"_restoration{source.suffix}"
        path = output / predictor.task / fitting_name(source.stem, ending)
    if path.exists() and path.samefile(source):
        raise UsageError(f"The output {path} is the video itself: name another file.")
    try:
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The output folder {path.parent} cannot be made: {error.strerror}."
        ) from None
    existing = predictor.options.existing
    if not os.path.lexists(path) or existing == "overwrite":
        return Destination(path, manifest, replace=existing == "overwrite")
    if existing == "skip":
        if not path.is_file():
            raise ImageError(f"{path} is not a regular file and was left alone: move it away.")
        reader = _Reader(predictor.options.limits)
        verdict = judge(path, _as_source(source), wanted, manifest, reader)
        remarks = (verdict.remark,) if verdict.remark else ()
        return Destination(path, manifest, verdict.keep, not verdict.keep, remarks)
    raise ImageError(
        f"{path} exists and was left alone: use existing='overwrite' to replace it or "
        "existing='skip' to keep it if it is up to date."
    )


def mode_of(source: Path) -> int:
    """Permission bits of the output: those of the source, so a private video stays private."""
    return permissions(_as_source(source))


def _as_source(video: Path) -> Source:
    return Source(str(video), video.stem, video)


class _Reader:
    """Lets :func:`~.up_to_date.judge` check that an existing output is a video."""

    def __init__(self, limits: Limits):
        self._limits = limits

    def read(self, path: Path) -> ClipFacts:
        """Read the properties of a video; raises ImageError if the file is not a video."""
        return inspect(path, self._limits)
