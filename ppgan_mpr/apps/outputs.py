"""Names and writes output files, and protects existing files."""

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
    """The output files of one run.

    Args:
        folder: all outputs go in or below it.
        suffix: of the outputs; None keeps the input's if that format can hold the picture.
        existing: what to do about an existing file: ``error``, ``overwrite``, or ``skip``, which
            keeps outputs that are up to date (see :mod:`.up_to_date`).
        sources: the pictures. Two files with the same output name conflict: the first one in this
            list gets the name. Pictures in memory are numbered in order.
        file: the output file, if the user has named one for a single picture; None: each output is
            named after its picture.
        manifest: lists the outputs, and is read to skip them; None: no manifest.
        wanted: how this run restores; see :func:`.up_to_date.judge`.
        allow_loss: see :func:`~ppgan_mpr.imaging.write_photo`.
        reader: reads existing outputs; default: one with the usual limits.
        dry_run: only find names, without making or cleaning folders.

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
        # name_key writes a trial file.
        self._key = str if dry_run else name_key(folder)
        self._numbered: dict[Any, Path] = {}  # by the identities of pictures in memory
        for source in sources:
            if source.path is not None:
                self._claimed.setdefault(self._key(str(self._wanted(source))), source.name)
        for source in sources:  # now, so that numbers do not depend on the order of restoration
            if source.path is None and file is None and source.problem is None:
                self._numbered[source.identity] = self._claim_free(source, suffix or ".png")

    def _named(self, source: Source, suffix: str, number: int = 1) -> Path:
        if self._file is not None:
            return self._file
        return self._folder / output_name(source, suffix, number)

    def _wanted(self, source: Source) -> Path:
        """The output's name, as far as it is known before the picture is read."""
        return self._named(source, self._suffix or own_suffix(source))

    def finished(self, source: Source) -> Path | None:
        """The result of an earlier run that is to be kept, if its name is known before reading.

        The picture then need not be read. If the suffix is not known until the picture is read,
        :meth:`keeps` decides afterwards.

        Raises:
            ImageError: the name belongs to another picture.
        """
        if source.path is None:
            return None
        output = self._wanted(source)
        self._take(output, source)
        return output if self._judge(output, source) else None

    def keeps(self, output: Path) -> bool:
        """Whether ``output``, which has been claimed, exists already and is to be kept."""
        return output in self._verdicts and self._verdicts[output].keep

    def remarks(self, output: Path) -> tuple[str, ...]:
        """What the user should know about an output that existed before."""
        verdict = self._verdicts.get(output)
        return (verdict.remark,) if verdict and verdict.remark else ()

    def note_files(self, source: Source) -> tuple[FileState, ...]:
        """The state of a source's files before they are read, for :meth:`list_made`."""
        if self._manifest is None:
            return ()
        try:
            return tuple(
                FileState.of(path, self._manifest.relative(path)) for path in source_files(source)
            )
        except OSError:  # reading the picture reports the error
            return ()

    def list_made(
        self, record: ResultRecord, output: Path, source: Source, files: tuple[FileState, ...]
    ) -> tuple[str, ...]:
        """List in the manifest an output that has been written.

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
        """Whether ``output`` exists already and is to be kept.

        Raises:
            ImageError: it is no ordinary file.
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
        """Whether an existing ``output`` may be overwritten."""
        if self._existing == "overwrite":
            return True
        if output not in self._outdated:
            return False
        try:
            status = output.stat()
        except OSError:
            return False
        # A file that has changed meanwhile was not judged.
        return self._outdated[output] == (status.st_size, status.st_mtime_ns)

    def claim(self, source: Source, photo: Photo) -> Path:
        """Reserve the output file of a picture, and make its folder.

        Raises:
            ImageError: the file exists, another picture of this run has the same name, or the
                format cannot hold the picture.
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
            target_of(photo, output, self._allow_loss)  # fail now, and not after hours of work
            # If a number is taken meanwhile, ``write`` finds the next one.
            if not numbered and self._existing == "error" and os.path.lexists(output):
                raise _left_alone(output)
            if not self._dry_run:
                output.parent.mkdir(parents=True, exist_ok=True)
                self._clean(output.parent)
        return output

    def write(self, source: Source, photo: Photo, output: Path, quality: int) -> Path | None:
        """Write a picture to the file that it claimed.

        A file that another thread or process has written there meanwhile is kept, unless it may
        be overwritten. A picture in memory then takes the next free name.

        Returns:
            The file that was written; None if another program has meanwhile written the result,
            which is kept.

        Raises:
            ImageError: see :func:`~ppgan_mpr.imaging.write_photo`; or the name is taken. Under
                ``skip``, it is no error if another program has written this result.
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
        """Whether another program has written the result, which is then kept."""
        if self._judge(output, source):
            return True
        announced = output in self._verdicts and self._verdicts[output].announced
        if announced:
            self._verdicts[output] = Verdict(True)  # the other run will list it next
        return announced

    def _announce(self, output: Path, content: bytes | memoryview) -> None:
        """Announce in the manifest the content that will replace a file."""
        if self._manifest is not None and output.exists():
            with contextlib.suppress(OSError):  # ``list_made`` reports the error
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
        """Reserve the first free name of a picture in memory; these are numbered."""
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
    """The path of an output below the folder of its task.

    Args:
        source: the picture.
        suffix: of the output.
        number: distinguishes outputs of the same name, from 1 on.
    """
    ending = f"{'' if number == 1 else f'-{number}'}_restoration{suffix}"
    return source.folder / fitting_name(source.stem, ending)


def own_suffix(source: Source) -> str:
    """The suffix of a picture's file; PNG's for a picture in memory."""
    return ".png" if source.path is None else source.path.suffix


def permissions(source: Source) -> int:
    """Mode bits of a picture's outputs: its file's, so that private photos stay private."""
    mode = 0o666
    for view in (source, source.right):
        if view is not None and view.path is not None:
            # A file that is gone might have been private.
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
