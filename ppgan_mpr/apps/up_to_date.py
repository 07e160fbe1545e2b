"""Decides whether an existing output is up to date: the same as a run would write."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import ImageError, MissingDependencyError
from ..imaging.decode import SIGNATURE_BYTES, recognised
from ..imaging.formats import WRITABLE
from ..imaging.limits import LimitError
from .manifest import Entry, Manifest
from .result import ResultRecord
from .sources import Source

# Options with values such as ``auto``; the record has the values that were used.
_RESOLVED = ("backend", "precision", "device")
_STAGES = "stages"  # an option that adds files and does not change the output
_LOSSY = ("JPEG", "WEBP", "AVIF")  # formats whose pixels depend on the option ``quality``
#: Seconds within which a run lists an output after writing it.
LISTED_AFTER = 2.0


class Reader(Protocol):
    """Reads an existing output, or raises ImageError."""

    def read(self, path: Path) -> object: ...


@dataclass(frozen=True)
class Verdict:
    """The decision about an existing output.

    Attributes:
        keep: whether it is kept; otherwise the picture is restored again and replaces it.
        remark: what the user should know about it, or None.
        announced: whether a run has announced it in the manifest and not listed it there yet; see
            :mod:`.manifest`.
    """

    keep: bool
    remark: str | None = None
    announced: bool = False


def judge(
    output: Path,
    source: Source,
    wanted: ResultRecord,
    manifest: Manifest | None,
    reader: Reader,
) -> Verdict:
    """Decide whether an existing output is kept.

    A picture that is not in the manifest, or that has been edited since, belongs to the user and
    is kept. An output is made again if it is empty or damaged, if it was made in another way, or
    if its source has changed.

    Args:
        output: the file.
        source: the picture that belongs to the output.
        wanted: how the run restores pictures; fields that depend on the picture are not used.
        manifest: of the folder of outputs, or None if there is none.
        reader: reads an output that the manifest does not list, or that differs from its entry.

    Raises:
        ImageError: the output is the result of another picture; or it is not in the manifest and
            does not begin like a picture.
        OSError: the output cannot be read.
    """
    if output.is_file() and output.stat().st_size == 0:
        return Verdict(False, f"{output} was empty, so it was restored again")
    entry = _entry(output, manifest) if manifest else None
    if manifest is None or entry is None:
        return _judge_unlisted(output, manifest, reader)
    changed = _source_changed(entry, source, manifest, output)
    if not entry.output.same_content(output):
        if manifest.announced(output):
            return _unfinished(output)
        if _is_picture(output, reader):
            return Verdict(True, f"{output} was left alone: it was changed after it was restored")
        return _damaged(output)
    reason = changed or _difference(entry.record, wanted, output.suffix)
    if reason is None and wanted.options.get(_STAGES):
        reason = _missing_stage(output, entry, manifest)
    if reason is None:
        return Verdict(True)
    return Verdict(False, f"{output} was restored again, because {reason}")


def _entry(output: Path, manifest: Manifest) -> Entry | None:
    """The entry of an output. If the file is new, wait until another process has listed it."""
    while True:
        status = output.stat()  # first: the file may be replaced while the manifest is read
        entry = manifest.find(output)
        listed = entry and (entry.output.bytes, entry.output.mtime_ns) == (
            status.st_size,
            status.st_mtime_ns,
        )
        if listed or not 0 <= time.time() - status.st_mtime < LISTED_AFTER:
            return entry
        time.sleep(0.01)


def _judge_unlisted(output: Path, manifest: Manifest | None, reader: Reader) -> Verdict:
    if manifest and manifest.announced(output):
        return _unfinished(output)
    if _is_picture(output, reader):
        silent = f"{manifest.path} does not say" if manifest else "nothing says"
        return Verdict(True, f"{output} was left alone, but {silent} how it was made")
    if is_damaged(output, reader):
        return _damaged(output)
    raise ImageError(
        f"{output} exists, is not a picture, and was left alone: use existing='overwrite' to "
        "replace it."
    )


def _unfinished(output: Path) -> Verdict:
    unlisted = "the run that wrote it ended before it could list it in the manifest"
    return Verdict(False, f"{output} was restored again, because {unlisted}", announced=True)


def _damaged(output: Path) -> Verdict:
    return Verdict(False, f"{output} was damaged, so it was restored again")


def is_damaged(path: Path, reader: Reader) -> bool:
    """Whether a file is empty, or begins like a picture and cannot be decoded.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(SIGNATURE_BYTES)
    return not start or (recognised(start, path.suffix.lower()) and not _is_picture(path, reader))


def is_as_announced(path: Path, manifest: Manifest | None) -> bool:
    """Whether a file holds the content that a run has announced for it.

    Raises:
        OSError: the file cannot be read.
    """
    return manifest is not None and manifest.announced(path)


def _missing_stage(output: Path, entry: Entry, manifest: Manifest) -> str | None:
    """Which output of an earlier stage is missing beside an output; None if all are there."""
    for name in entry.record.stages:
        try:
            path = output.with_name(Path(name).name)
            there = path.is_file() and is_as_announced(path, manifest)
        except (TypeError, ValueError):  # a manifest that was edited by hand
            return f"{manifest.path} names no file for one of its stages"
        if not there:
            return f"{path} is missing or not as it was written"
    return None


def source_files(source: Source) -> list[Path]:
    """The file of a source, or of its two views, the left one first; none for one in memory."""
    return [view.path for view in (source, source.right) if view and view.path]


def _source_changed(entry: Entry, source: Source, manifest: Manifest, output: Path) -> str | None:
    """How the source has changed since the output was made, or None."""
    paths = source_files(source)
    if len(paths) != len(entry.sources):
        raise ImageError(_of_another(output, entry.record.source))
    for path, seen in zip(paths, entry.sources):
        if not seen.same_content(path):
            if manifest.relative(path) != seen.path:
                raise ImageError(_of_another(output, seen.path))
            return f"{path} has changed"
    return None


def _of_another(output: Path, source: str) -> str:
    return (
        f"{output} is the result of another picture, {source}: restore the two into different "
        "output folders"
    )


def _difference(made: ResultRecord, wanted: ResultRecord, suffix: str) -> str | None:
    """The first difference between how an output was made and how it is wanted, or None."""
    for name in ("task", "network", "scale", "local"):
        before, now = getattr(made, name), getattr(wanted, name)
        if before != now:
            return f"it was made with {name}={before!r}"
    if made.weights_digest != wanted.weights_digest:
        return f"it was made with other weights ({made.weights})"
    for name, now in wanted.options.items():
        before = made.options.get(name)
        if before == now or (name == "quality" and not _is_lossy(suffix)):
            continue
        if name == _STAGES and not now:
            continue
        if name in _RESOLVED and _kind(made, name) == _kind(wanted, name):
            continue
        return f"it was made with {name}={_shown(name, made)}"
    return None


def _is_lossy(suffix: str) -> bool:
    target = WRITABLE.get(suffix.lower())
    return target is None or target.name in _LOSSY


def _kind(record: ResultRecord, name: str) -> str:
    """The value that was used, without the number of a GPU."""
    return str(getattr(record, name)).partition(":")[0]


def _shown(name: str, record: ResultRecord) -> str:
    used: Mapping[str, Any] = {key: getattr(record, key) for key in _RESOLVED}
    return repr(used.get(name, record.options.get(name)))


def _is_picture(path: Path, reader: Reader) -> bool:
    """Whether a file can be decoded; also True if a limit or a missing package prevents it."""
    try:
        reader.read(path)
    except (MissingDependencyError, LimitError):
        return True
    except ImageError:
        return False
    return True
