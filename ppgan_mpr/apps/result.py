"""The result of one picture: how it was restored, or why not, and the restored image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex, overload

from .sources import Source


@dataclass(frozen=True)
class ResultRecord:
    """How one picture was restored, or why not; plain values that JSON can hold.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file written, or the one already there; None after a failure or if no file
            was wanted.
        stages: files with the outputs of the earlier stages, the first stage first; empty if
            they were not wanted.
        size: width and height of the result in pixels; None if the picture was not read.
        seconds: time from reading to writing, without waiting for other pictures.
        network: name of the network.
        task: name of the task, or ``A+B`` for several in order; empty if ``task='auto'`` left
            the picture alone.
        scale: how many times the picture was enlarged.
        local: whether the test-time local converter (TLC) was used.
        weights: catalogue name or file of the weights.
        weights_digest: ``sha256:…`` of the weights' file.
        backend, precision, device: what computed, and in which number format.
        threads: number of CPU threads that computed; 0 if it is not known.
        options: name → value, as given, of the options that affect the pixels; see
            :meth:`~ppgan_mpr.InferenceOptions.pixel_options`.
        tiles: number of tiles, 1 for a picture restored whole; 0 if it was not restored.
        tile: width and height of the tiles in pixels; those of the smallest tile if memory was
            short; None if the picture was not restored.
        versions: of this package and of the libraries that computed.
        warnings: what the user should know about this picture.
        error: why the picture was not restored, in one sentence; or None.
        skipped: whether the output was there already and was left alone.
        detected: the finding of ``task='auto'``: ``degradation`` (empty for none), the ``task``
            that removes it (empty for none), the ``confidence`` in [0, 1], ``doubtful`` (whether
            the picture was left alone because the confidence was too low), and the
            ``probabilities`` of all degradations; empty if a task was named.
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
        """The inverse of :meth:`to_dict`; also takes a dictionary that was stored as JSON.

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
        record: how the picture was restored, or why not.
        image: for a picture in memory, the restored one in the same form: a numpy array of the
            same dtype, range and channels, or a PIL image. For a file, an array if no output is
            written; otherwise None.
        origin: the original picture, to show it beside the result.
        stages: outputs of the earlier stages in the form of ``image``, the first stage first;
            empty if ``image`` is None or if they were not wanted.
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
        """The file written, or the one already there; None if there is no file."""
        return None if self.record.output is None else Path(self.record.output)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the result in pixels; None if the picture was not read."""
        return self.record.size

    @property
    def seconds(self) -> float:
        """Time from reading to writing, without waiting for other pictures."""
        return self.record.seconds

    @property
    def error(self) -> str | None:
        """Why the picture could not be restored, in one sentence; None if nothing failed."""
        return self.record.error

    @property
    def skipped(self) -> bool:
        """Whether the output was there already and was left alone."""
        return self.record.skipped

    @property
    def ok(self) -> bool:
        """Whether nothing failed; also True if ``task='auto'`` left the picture alone."""
        return self.record.error is None

    @property
    def left_alone(self) -> bool:
        """Whether ``task='auto'`` left the picture alone.

        Then nothing was found, the finding was not certain, or no weights can remove it.
        """
        return self.ok and bool(self.record.detected) and not self.record.task

    @property
    def doubtful(self) -> bool:
        """Whether the picture was left alone because the finding is not certain."""
        return self.left_alone and bool(self.record.detected.get("doubtful"))

    @property
    def without_weights(self) -> bool:
        """Whether the picture was left alone because no weights can remove what was found.

        The last one of ``record.warnings`` then explains what is missing.
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
    """Results in order. A notebook displays them, and slices of them, as a gallery."""

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
