"""Files with the outputs of a network's earlier stages, beside the result.

They are written before the result and announced in the manifest. So a later run recognises the
files of a run that was killed, and replaces them.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path

from ..errors import ImageError
from ..file_names import fitting_name
from ..imaging import Photo, PhotoReader, write_photo
from .manifest import Manifest
from .up_to_date import is_as_announced, is_damaged


class StageFiles:
    """Names and writes the files of one run.

    Args:
        existing: see :class:`.outputs.Outputs`. Under ``skip``, empty and damaged files and those
            that an earlier run has announced are replaced.
        manifest: see :class:`.outputs.Outputs`.
        reader: reads existing files.
        allow_loss: see :func:`~ppgan_mpr.imaging.write_photo`.
    """

    def __init__(
        self, existing: str, manifest: Manifest | None, reader: PhotoReader, allow_loss: bool
    ):
        self._existing, self._manifest = existing, manifest
        self._reader, self._allow_loss = reader, allow_loss

    def claim(self, output: Path, count: int) -> tuple[Path, ...]:
        """Names for the outputs of the first ``count`` stages, the first one first.

        Args:
            output: the file of the result.
            count: of stages.

        Raises:
            ImageError: one of them exists and may not be replaced.
        """
        names = (fitting_name(output.stem, f"_stage{i + 1}{output.suffix}") for i in range(count))
        paths = tuple(output.with_name(name) for name in names)
        for path in paths:
            if os.path.lexists(path) and not self._may_replace(path):
                raise _left_alone(path)
        return paths

    def write(self, photo: Photo, path: Path, *, mode: int, quality: int) -> None:
        """Write the output of a stage.

        Args:
            photo: the output.
            path: one of :meth:`claim`.
            mode: permissions, see :func:`~ppgan_mpr.imaging.write_photo`.
            quality: of lossy formats.

        Raises:
            ImageError: see :func:`~ppgan_mpr.imaging.write_photo`; or the file was written
                meanwhile.
        """
        try:
            write_photo(
                photo,
                path,
                quality=quality,
                overwrite=os.path.lexists(path) and self._may_replace(path),
                mode=mode,
                allow_loss=self._allow_loss,
                before_placing=partial(self._announce, path),
            )
        except FileExistsError:
            # Another run with the same results may have written it.
            if self._existing != "skip" or not is_as_announced(path, self._manifest):
                raise _left_alone(path) from None

    def _may_replace(self, path: Path) -> bool:
        if self._existing == "overwrite":
            return True
        if self._existing != "skip" or not path.is_file():
            return False
        return is_as_announced(path, self._manifest) or is_damaged(path, self._reader)

    def _announce(self, path: Path, content: bytes | memoryview) -> None:
        if self._manifest is not None:
            with contextlib.suppress(OSError):  # ``list_made`` reports the error
                self._manifest.announce(path, content)


def _left_alone(path: Path) -> ImageError:
    return ImageError(
        f"{path} exists and was left alone: use existing='overwrite' to replace it, or move it "
        "away."
    )
