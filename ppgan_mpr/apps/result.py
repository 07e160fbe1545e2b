"""What a predictor tells of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What became of one picture.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file written, or the one already there; None on failure and where no
            file was asked for.
        size: width and height of the result in pixels, those of the source but for
            super-resolution; None if unread.
        seconds: from reading to writing, waiting for other pictures not counted.
        error: one sentence, or None.
        skipped: the output was there already and was left alone.
        image: for a picture in memory, the restored one: a numpy array of the same dtype,
            range and channels, or a PIL image. For a file, an array where no output is written.
    """

    source: str
    output: Path | None = None
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    error: str | None = None
    skipped: bool = False
    image: Any = None

    @property
    def ok(self) -> bool:
        """Whether there is a restored picture."""
        return self.error is None
