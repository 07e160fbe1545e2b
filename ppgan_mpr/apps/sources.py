"""One picture to restore: a file, or a picture in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageError
from ..imaging import Photo, PhotoReader, from_array, from_pil, ordinary, to_pil
from ..imaging.memory_budget import Share
from ..imaging.reader import OnHeader


@dataclass(frozen=True, eq=False)
class Source:
    """One picture.

    Attributes:
        name: for messages.
        stem: the beginning of the output's name.
        path: the file, or None for a picture in memory.
        picture: array, PIL image, or the bytes of a file; None for a file.
        folder: folder of the file, relative to the folder that was searched. The output goes into
            the same folder below the output folder.
        right: the right view, if this is a left view.
        problem: why there is no picture, such as a folder that cannot be searched or an open file
            that cannot be read; None if there is one.
        detected: what ``task='auto'`` found in it; see :class:`.result.ResultRecord`.
    """

    name: str
    stem: str
    path: Path | None = None
    picture: Any = None
    folder: Path = Path()
    right: Source | None = None
    problem: str | None = None
    detected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Any:
        """Equal for two names of one file; unique for each picture in memory."""
        own = id(self) if self.path is None else real_path(self.path)
        return own, self.right and self.right.identity

    def read(
        self,
        reader: PhotoReader,
        isolated: bool = True,
        memory: Share | None = None,
        on_header: OnHeader | None = None,
    ) -> Photo:
        """Read the picture.

        Args:
            reader: reads files.
            isolated, memory, on_header: see :meth:`~ppgan_mpr.imaging.PhotoReader.read`.

        Raises:
            ImageError: the file cannot be read, or is no picture.
        """
        if self.problem is not None:
            raise ImageError(self.problem)
        if self.path is not None:
            return reader.read(self.path, isolated, memory, on_header)
        if isinstance(self.picture, bytes):
            return reader.decode(self.picture, self.name, isolated, memory)
        if hasattr(self.picture, "getexif"):
            return from_pil(self.picture)
        try:
            array = np.asarray(self.picture)
        except Exception as error:  # a foreign __array__ may raise anything
            raise ImageError(f"it cannot be read as an array: {error}") from error
        return from_array(array)

    @property
    def is_pillow(self) -> bool:
        """Whether it is a Pillow image in memory."""
        return self.path is None and hasattr(self.picture, "getexif")

    def like(self, photo: Photo) -> Any:
        """A restored photo in the form in which the picture was given; an array for a file."""
        if self.is_pillow:
            return to_pil(photo)
        array = photo.to_array()
        if self.path is None and not isinstance(self.picture, bytes):
            return array if array.ndim == np.ndim(self.picture) else array[..., np.newaxis]
        return array


def unique(sources: Iterable[Source]) -> list[Source]:
    """Each picture once, at its first place. A file is preferred to links to it."""
    found: dict[Any, Source] = {}
    for source in sources:
        known = found.get(source.identity)
        if known is None or _is_link(known) > _is_link(source):
            found[source.identity] = source
    return list(found.values())


def may_need_isolation(source: Source) -> bool:
    """Whether decoding a file may need another process, judged by its suffix."""
    return source.path is not None and source.path.suffix.lower() not in ordinary.SUFFIXES


def real_path(path: Path) -> str:
    """The absolute path with all links followed; equal for all names of a file."""
    return os.path.realpath(path)


def _is_link(source: Source) -> bool:
    return source.path is not None and source.path.is_symlink()
