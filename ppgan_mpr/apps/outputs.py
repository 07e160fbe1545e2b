"""Where restored pictures go, so that none is ever lost or overwritten unasked."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ImageError, UsageError
from ..file_names import fitting_name, name_key
from ..files import remove_leftovers
from ..imaging import Photo, PhotoReader, writable_suffix, write_photo
from ..imaging.losses import target_of
from .manifest import FileState, Manifest
from .result import ResultRecord
from .sources import Source
from .stage_files import StageFiles
from .up_to_date import Verdict, judge, source_files


class Outputs:
    """Names the output of every picture of one run.

    Args:
        folder: all outputs go in or below it.
        suffix: of the outputs; None keeps the input's where that format can hold the picture.
        existing: what to do about a file that is already there: ``error``, ``overwrite``
            or ``skip``, which is about outputs that are up to date (see :mod:`.up_to_date`).
        sources: the pictures. A name belongs to the first of them that it follows from, whoever
            is read first and whatever is there already; those in memory are numbered in order.
        file: the output of the only picture, instead of a name made of its own.
        manifest: is written, and read to skip; None: no record is kept.
        wanted: how this run restores; see :func:`.up_to_date.judge`.
        allow_loss: see :func:`~ppgan_mpr.imaging.write_photo`.
        reader: reads outputs that are there already; default: one with the usual limits.
        dry_run: only find names; make and clean no folder.

    Raises:
        UsageError: the folder cannot be made or written.

    Attributes:
        stages: files beside the outputs.
    """

    def __init__(
        self,
        folder: Path,
        suffix: str | None,
        existing: str,
        sources: Sequence[Source] = (),
        file: Path | None = None,
        manifest: Manifest | None = None,
        wanted: ResultRecord | None = None,
        allow_loss: bool = False,
        reader: PhotoReader | None = None,
        dry_run: bool = False,
    ):
        self._reader = reader or PhotoReader()
        self.stages = StageFiles(existing, manifest, self._reader, allow_loss)
        self._dry_run = dry_run
        self._allow_loss = allow_loss
        self._folder, self._suffix, self._existing = folder, suffix, existing
        self._file = file
        self._claimed: dict[str, str] = {}
        self._cleaned: set[Path] = set()
        self._manifest, self._wanted_record = manifest, wanted or ResultRecord("")
        self._verdicts: dict[Path, Verdict] = {}
        self._outdated: dict[Path, tuple[int, int]] = {}  # output -> its size and time
        self._lock = threading.Lock()
        if not dry_run:
            _make_writable(folder)
        # Trying the folder out writes a file.
        self._key = str if dry_run else name_key(folder)
        self._numbered: dict[Any, Path] = {}  # by the identities of pictures in memory
        for source in sources:
            if source.path is not None:
                self._claimed.setdefault(self._key(str(self._wanted(source))), source.name)
        for source in sources:  # whose numbers must not depend on which is restored first
            if source.path is None and file is None and source.problem is None:
                self._numbered[source.identity] = self._claim_free(source, suffix or ".png")

    def _named(self, source: Source, suffix: str, number: int = 1) -> Path:
        if self._file is not None:
            return self._file
        return self._folder / output_name(source, suffix, number)

    def _wanted(self, source: Source) -> Path:
        """The output's name, as far as it is known before the picture is."""
        return self._named(source, self._suffix or own_suffix(source))

    def finished(self, source: Source) -> Path | None:
        """The result of an earlier run that is to be kept, if its name is enough to find it.

        Saves reading the picture; where the result may have another suffix than the
        source, :meth:`keeps` decides after reading.

        Raises:
            ImageError: the name is another picture's.
        """
        if source.path is None:
            return None
        output = self._wanted(source)
        self._take(output, source)
        return output if self._judge(output, source) else None

    def keeps(self, output: Path) -> bool:
        """Whether ``output``, which has been claimed, is there already and is to stay."""
        return output in self._verdicts and self._verdicts[output].keep

    def remarks(self, output: Path) -> tuple[str, ...]:
        """What the user should know about an output that was there already."""
        verdict = self._verdicts.get(output)
        return (verdict.remark,) if verdict and verdict.remark else ()

    def note_files(self, source: Source) -> tuple[FileState, ...]:
        """The files of a source as they are before it is read, for :meth:`list_made`."""
        if self._manifest is None:
            return ()
        try:
            return tuple(
                FileState.of(path, self._manifest.relative(path)) for path in source_files(source)
            )
        except OSError:  # reading the picture says why
            return ()

    def list_made(
        self, record: ResultRecord, output: Path, source: Source, files: tuple[FileState, ...]
    ) -> tuple[str, ...]:
        """List an output that has been written in the manifest.

        Args:
            record: how it was made.
            output: the file.
            source: the picture.
            files: see :meth:`note_files`.

        Returns:
            Warnings.
        """
        if self._manifest is None:
            return ()
        paths = source_files(source)
        states = tuple(state.with_digest(path) for state, path in zip(files, paths))
        try:
            self._manifest.append(record, output, states)
        except OSError as error:
            reason = error.strerror or error
            return (
                f"{self._manifest.path} cannot be written ({reason}), so it does not say how "
                f"{output} was made",
            )
        return ()

    def _judge(self, output: Path, source: Source) -> bool:
        """Whether ``output`` is there already and is to stay as it is.

        Raises:
            ImageError: what is there is no file.
        """
        if self._existing != "skip" or not os.path.lexists(output):
            return False
        if not output.is_file():
            what = "a link to a missing file" if output.is_symlink() else "not an ordinary file"
            what = "a folder" if output.is_dir() else what
            raise ImageError(f"{output} is {what} and was left alone: move it away.")
        status = output.stat()
        verdict = judge(output, source, self._wanted_record, self._manifest, self._reader)
        self._verdicts[output] = verdict
        if not verdict.keep:
            self._outdated[output] = status.st_size, status.st_mtime_ns
        return verdict.keep

    def _may_replace(self, output: Path) -> bool:
        """Whether what is at the place of ``output`` may be overwritten."""
        if self._existing == "overwrite":
            return True
        if output not in self._outdated:
            return False
        try:
            status = output.stat()
        except OSError:
            return False
        # What has changed meanwhile was not judged.
        return self._outdated[output] == (status.st_size, status.st_mtime_ns)

    def claim(self, source: Source, photo: Photo) -> Path:
        """The file to write, from now on taken by this picture; its folder is there.

        Raises:
            ImageError: it exists, another picture of this run has the same name, or its format
                cannot hold the picture.
        """
        numbered = source.path is None and self._file is None
        if numbered:
            reserved = self._numbered.pop(source.identity, None)
            output = reserved or self._claim_free(source, self._suffix or ".png")
        else:
            suffix = self._suffix or writable_suffix(photo, own_suffix(source))
            output = self._named(source, suffix)
            self._take(output, source)
            if output not in self._verdicts:
                self._judge(output, source)
        if not self.keeps(output):
            target_of(photo, output, self._allow_loss)  # hours of work may lie before the writing
            # What takes a number meanwhile is no reason to fail: ``write`` finds the next one.
            if not numbered and self._existing == "error" and os.path.lexists(output):
                raise _left_alone(output)
            if not self._dry_run:
                output.parent.mkdir(parents=True, exist_ok=True)
                self._clean(output.parent)
        return output

    def write(self, source: Source, photo: Photo, output: Path, quality: int) -> Path | None:
        """Write a picture to the place that it claimed.

        What another thread or process has put there meanwhile stays, unless it may be
        overwritten; a picture from memory then takes the next free name.

        Returns:
            Where it was written; None where another program has meanwhile made the result, which
            is to be kept.

        Raises:
            ImageError: see :func:`~ppgan_mpr.imaging.write_photo`; or the place is taken, which
                under ``skip`` means by something else than this result.
        """
        while True:
            try:
                named = source.path is not None or self._file is not None
                overwrite = named and self._may_replace(output)
                write_photo(
                    photo,
                    output,
                    quality=quality,
                    overwrite=overwrite,
                    mode=permissions(source),
                    allow_loss=self._allow_loss,
                    before_placing=partial(self._announce, output) if overwrite else None,
                )
                return output
            except FileExistsError:
                if named and self._existing == "skip":
                    if self._made_meanwhile(output, source):
                        return None
                    raise ImageError(
                        f"{output} exists and was left alone: another program has changed it "
                        "while its picture was restored."
                    ) from None
                if named:
                    raise _left_alone(output) from None
                output = self.claim(source, photo)

    def _made_meanwhile(self, output: Path, source: Source) -> bool:
        """Whether what another program has put there is the result, which is to be kept."""
        if self._judge(output, source):
            return True
        announced = output in self._verdicts and self._verdicts[output].announced
        if announced:
            self._verdicts[output] = Verdict(True)  # the other run is about to list it
        return announced

    def _announce(self, output: Path, content: bytes | memoryview) -> None:
        """Note in the manifest what is about to replace a file."""
        if self._manifest is not None and output.exists():
            with contextlib.suppress(OSError):  # ``list_made`` says that it cannot be written
                self._manifest.announce(output, content)

    def _take(self, output: Path, source: Source) -> None:
        with self._lock:
            owner = self._claimed.setdefault(self._key(str(output)), source.name)
        if owner != source.name:
            raise ImageError(
                f"Its result would overwrite that of {owner} at {output}: restore the two into "
                "different output folders."
            )

    def _claim_free(self, source: Source, suffix: str) -> Path:
        # Pictures in memory all have the same name, so they are numbered.
        number = 1
        with self._lock:
            output = self._named(source, suffix)
            while self._key(str(output)) in self._claimed or output.exists():
                number += 1
                output = self._named(source, suffix, number)
            self._claimed[self._key(str(output))] = source.name
        return output

    def _clean(self, folder: Path) -> None:
        with self._lock:
            if folder in self._cleaned:
                return
            self._cleaned.add(folder)
        remove_leftovers(folder)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The output folder {folder} cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"The output folder {folder} cannot be written: choose another one.")


def output_name(source: Source, suffix: str, number: int = 1) -> Path:
    """The name of an output below the folder of its task.

    Args:
        source: the picture.
        suffix: of the output.
        number: which of several outputs of the same name it is, from 1 on.
    """
    ending = f"{'' if number == 1 else f'-{number}'}_restoration{suffix}"
    return source.folder / fitting_name(source.stem, ending)


def own_suffix(source: Source) -> str:
    """The suffix of a picture's file; of a picture in memory that of PNG."""
    return ".png" if source.path is None else source.path.suffix


def permissions(source: Source) -> int:
    """Mode bits for what shows a picture: the source's, so that a private photo stays private."""
    mode = 0o666
    for view in (source, source.right):
        if view is not None and view.path is not None:
            # A file that cannot be looked at any more might have been private.
            try:
                mode &= view.path.stat().st_mode
            except OSError:
                mode &= 0o600
    return mode


def _left_alone(output: Path) -> ImageError:
    return ImageError(
        f"{output} exists and was left alone: use existing='overwrite' to replace it or "
        "existing='skip' to pass over it."
    )
