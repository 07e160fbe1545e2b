"""Where restored pictures go, so that none is ever lost or overwritten unasked."""

from __future__ import annotations

import threading
from pathlib import Path

from ..errors import ImageError
from ..imaging import Photo, writable_suffix
from .sources import Source

EXISTING = ("error", "overwrite", "skip")


class Outputs:
    """Names the output of every picture of one run.

    Args:
        folder: all outputs lie in or below it.
        suffix: of the outputs; None keeps the input's where that format can hold the picture.
        existing: what to do about a file that is already there: ``error``, ``overwrite``
            or ``skip``.
    """

    def __init__(self, folder: Path, suffix: str | None, existing: str):
        self._folder, self._suffix, self._existing = folder, suffix, existing
        self._claimed: dict[Path, str] = {}
        self._lock = threading.Lock()

    def _named(self, source: Source, suffix: str, number: int = 1) -> Path:
        stem = source.stem if number == 1 else f"{source.stem}-{number}"
        return self._folder / source.folder / f"{stem}_restoration{suffix}"

    def finished(self, source: Source) -> Path | None:
        """The result of an earlier run that is to be kept, where its name alone tells.

        Saves reading the picture; where the result may have another suffix than the
        source, :meth:`keeps` decides after reading.
        """
        if source.path is None:
            return None
        output = self._named(source, self._suffix or source.path.suffix)
        return output if self.keeps(output) else None

    def keeps(self, output: Path) -> bool:
        """Whether ``output`` is there already and is to stay as it is."""
        return self._existing == "skip" and output.exists()

    def claim(self, source: Source, photo: Photo) -> Path:
        """The file to write, from now on taken by this picture.

        Raises:
            ImageError: it exists, or another picture of this run has the same name.
        """
        if source.path is None:
            return self._claim_free(source, self._suffix or ".png")
        output = self._named(source, self._suffix or writable_suffix(photo, source.path.suffix))
        with self._lock:
            owner = self._claimed.setdefault(output, source.name)
        if owner != source.name:
            raise ImageError(
                f"Its result would overwrite that of {owner} at {output}: restore the two into "
                "different output folders."
            )
        if self._existing == "error" and output.exists():
            raise ImageError(
                f"{output} exists and was left alone: use --overwrite to replace it or "
                "--skip-existing to pass over it."
            )
        return output

    def _claim_free(self, source: Source, suffix: str) -> Path:
        # Pictures in memory all have the same name, so they are numbered.
        number = 1
        with self._lock:
            output = self._named(source, suffix)
            while output in self._claimed or output.exists():
                number += 1
                output = self._named(source, suffix, number)
            self._claimed[output] = source.name
        return output
