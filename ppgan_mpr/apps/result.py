"""The result of one picture: how it was restored or why not, and the restored image."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, SupportsIndex, overload

from ..errors import UsageError
from ..files import atomic_write
from .sources import Source


@dataclass(frozen=True)
class ResultRecord:
    """How one picture was restored, or why not; plain values that JSON can hold.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file written, or the one already there; None on failure and where no file
            was asked for.
        stages: files with the outputs of the earlier stages, the first stage first; empty where
            they were not asked for.
        size: width and height of the result in pixels; None if the picture was not read.
        seconds: from reading to writing, waiting for other pictures not counted.
        network: name of the network.
        task: name of the task, of several ``A+B`` in their order; empty where nothing was
            restored because ``task='auto'`` found nothing, was not sure, or had no weights.
        scale: how many times the picture was enlarged.
        local: whether statistics were taken over windows (TLC).
        weights: catalogue name or file of the weights.
        weights_digest: ``sha256:…`` of the weights' file.
        backend, precision, device: what computed, and in which number format.
        threads: CPU threads that computed; 0 if it is not known.
        options: name → value, as given, of the options that decide what an output holds; see
            :meth:`~ppgan_mpr.InferenceOptions.pixel_options`.
        tiles: number of tiles, 1 for a picture restored whole; 0 if it was not restored.
        tile: width and height of the tiles in pixels, of the smallest where memory was short;
            None if the picture was not restored.
        versions: of this package and of what computed.
        warnings: what the user should know about this picture.
        error: one sentence, or None.
        skipped: the output was there already and was left alone.
        detected: what ``task='auto'`` found: ``degradation`` (empty for none), the ``task``
            against it (empty for none), the ``confidence`` in [0, 1], ``doubtful`` (whether the
            picture was left alone because that was too low), and the ``probabilities`` of all
            degradations; empty where a task was named.
    """

    source: str
    output: str | None = None
    stages: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    network: str = ""
    task: str = ""
    scale: int = 1
    local: bool = False
    weights: str = ""
    weights_digest: str = ""
    backend: str = ""
    precision: str = ""
    device: str = ""
    threads: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    tiles: int = 0
    tile: tuple[int, int] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    skipped: bool = False
    detected: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ResultRecord:
        """The inverse of :meth:`to_dict`, also of what JSON made of it.

        Raises:
            TypeError: unknown or missing keys.
        """
        pairs = {name: content.get(name) for name in ("size", "tile")}
        return cls(
            **{
                **content,
                **{name: pair and (pair[0], pair[1]) for name, pair in pairs.items()},
                "stages": tuple(content.get("stages", ())),
                "warnings": tuple(content.get("warnings", ())),
            }
        )


@dataclass(frozen=True, repr=False)
class Result:
    """The result of one picture.

    Attributes:
        record: how it was restored, or why not.
        image: for a picture in memory, the restored one in the same form: a numpy array of the
            same dtype, range and channels, or a PIL image. For a file, an array where no output
            is written, else None.
        origin: the picture it was made of, for showing the two side by side.
        stages: where ``image`` is one and they were asked for, the outputs of the earlier stages
            in the same form, the first stage first.
    """

    record: ResultRecord
    image: Any = None
    origin: Source | None = None
    stages: tuple[Any, ...] = ()

    @property
    def source(self) -> str:
        """The input file, or a word for a picture in memory."""
        return self.record.source

    @property
    def output(self) -> Path | None:
        """The file written, or the one already there; None where there is no file."""
        return None if self.record.output is None else Path(self.record.output)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the result in pixels; None if the picture was not read."""
        return self.record.size

    @property
    def seconds(self) -> float:
        """From reading to writing, waiting for other pictures not counted."""
        return self.record.seconds

    @property
    def error(self) -> str | None:
        """Why there is no restored picture, in one sentence; None if there is one."""
        return self.record.error

    @property
    def skipped(self) -> bool:
        """Whether the output was there already and was left alone."""
        return self.record.skipped

    @property
    def ok(self) -> bool:
        """Whether there is a restored picture."""
        return self.record.error is None

    @property
    def left_alone(self) -> bool:
        """Whether nothing was restored because nothing, or nothing for certain, was found.

        Or because there are no weights against it.
        """
        return self.ok and bool(self.record.detected) and not self.record.task

    @property
    def doubtful(self) -> bool:
        """Whether it was left alone although something was found, because that is not certain."""
        return self.left_alone and bool(self.record.detected.get("doubtful"))

    @property
    def without_weights(self) -> bool:
        """Whether it was left alone although something was found, for lack of weights against it.

        The last of ``record.warnings`` then says what is missing.
        """
        found = self.left_alone and bool(self.record.detected.get("degradation"))
        return found and not self.doubtful

    def __repr__(self) -> str:
        parts = [repr(self.source)]
        parts += [f"output={str(self.output)!r}"] if self.output else []
        parts += [f"size={self.size}"] if self.size else []
        if self.image is not None:
            kind, shape = type(self.image).__name__, getattr(self.image, "shape", None)
            parts.append(f"image=<{kind}{f' {shape} {self.image.dtype}' if shape else ''}>")
        parts += ["skipped=True"] if self.skipped else []
        parts += [f"error={self.error!r}"] if self.error else []
        return f"Result({', '.join(parts)})"

    def _repr_html_(self) -> str:
        from .display import result_html

        return result_html(self)


class Results(list[Result]):
    """Results in order; in a notebook they, and slices of them, display themselves as a gallery."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Result: ...

    @overload
    def __getitem__(self, index: slice) -> Results: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Result | Results:
        found = super().__getitem__(index)
        return Results(found) if isinstance(found, list) else found

    def _repr_html_(self) -> str:
        from .display import results_html

        return results_html(self)


def write_report(path: str | os.PathLike[str], records: Iterable[ResultRecord]) -> None:
    """Write records as a JSON list in UTF-8, whole or not at all.

    What is no ordinary file, such as a pipe or ``/dev/stdout``, is written to and not replaced.
    Bytes of a file name that are not UTF-8 stand as escapes, ``\\udcff`` for 0xff.

    Raises:
        UsageError: the file cannot be written.
    """
    rows = [record.to_dict() for record in records]
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    content = f"{text}\n".encode("utf-8", "backslashreplace")  # lone surrogates as JSON escapes
    place = Path(path)
    try:
        if _is_stream(place):
            with _open_stream(place) as file:
                file.write(content)
        else:
            with atomic_write(place) as file:
                file.write(content)
    except OSError as error:
        raise UsageError(f"The report {path} cannot be written: {error.strerror}.") from None


def check_writable_report(path: str | os.PathLike[str]) -> None:
    """See, before the work, that :func:`write_report` can write there.

    Raises:
        UsageError: it cannot.
    """
    place = Path(path)
    folder = place.parent
    if _is_stream(place):
        writable = os.access(place, os.W_OK) and not place.is_socket() and not place.is_dir()
    else:
        writable = folder.is_dir() and os.access(folder, os.W_OK)
    if not writable:
        raise UsageError(f"The report {path} cannot be written: name a file in a folder of yours.")


def _is_stream(place: Path) -> bool:
    """Whether there is a device, a pipe or the like, or what this process prints to."""
    try:
        is_file = stat.S_ISREG(place.stat().st_mode)
    except OSError:
        return False
    return not is_file or _descriptor(place) is not None


def _descriptor(place: Path) -> int | None:
    """1 or 2 where this process prints to that place: /dev/stdout, or a file after "> file"."""
    status = place.stat()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return descriptor
    return None


def _open_stream(place: Path) -> BinaryIO:
    descriptor = _descriptor(place)
    if descriptor is None:
        return place.open("ab")
    if sys.stdout:
        sys.stdout.flush()  # what was printed before stands before it
    return open(os.dup(descriptor), "wb")  # at the place that printing has reached
