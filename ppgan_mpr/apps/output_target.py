"""The interface through which a predictor writes restored pictures, to files or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..imaging import Photo
from .manifest import FileState
from .result import ResultRecord
from .sources import Source


class StageTarget(Protocol):
    """Takes the outputs of the earlier stages of a network."""

    def claim(self, output: Path, count: int) -> tuple[Path, ...]:
        """Reserve names for the outputs of the first ``count`` stages, beside the result.

        Raises:
            ImageError: one of them is taken.
        """

    def write(self, photo: Photo, path: Path, *, mode: int, quality: int) -> None:
        """Write the output of a stage under a name of :meth:`claim`.

        Raises:
            ImageError: it cannot be written.
        """


class OutputTarget(Protocol):
    """Takes the restored pictures of one run; :class:`.outputs.Outputs` writes files.

    For each picture the methods are called in this order. If :meth:`write` returns None,
    :meth:`remarks` is called once more. Calls for several pictures may run concurrently.
    """

    @property
    def stages(self) -> StageTarget:
        """Takes the outputs of earlier stages."""

    def finished(self, source: Source) -> Path | None:
        """The result of an earlier run that is to be kept, if its name is known before reading."""

    def note_files(self, source: Source) -> tuple[FileState, ...]:
        """The state of a source's files before they are read, for :meth:`list_made`."""

    def claim(self, source: Source, photo: Photo) -> Path:
        """Reserve the name of the result for this picture.

        Args:
            source: the picture.
            photo: the result without its pixels.

        Raises:
            ImageError: the name is taken, or its format cannot hold the picture.
        """

    def keeps(self, output: Path) -> bool:
        """Whether ``output``, which has been claimed, exists already and is to be kept."""

    def remarks(self, output: Path) -> tuple[str, ...]:
        """What the user should know about an output that existed before."""

    def write(self, source: Source, photo: Photo, output: Path, quality: int) -> Path | None:
        """Write a result under the name that it claimed.

        Returns:
            Where it was written; None if another program has written it meanwhile and it is to
            be kept.

        Raises:
            ImageError: it cannot be written.
        """

    def list_made(
        self, record: ResultRecord, output: Path, source: Source, files: tuple[FileState, ...]
    ) -> tuple[str, ...]:
        """List how an output was made, after it has been written; returns warnings."""
