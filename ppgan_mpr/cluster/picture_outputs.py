"""Encodes restored pictures in memory and names their files; another process writes them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from ..apps.manifest import FileState
from ..apps.result import ResultRecord
from ..apps.sources import Source
from ..errors import ImageError
from ..file_names import fitting_name
from ..imaging import Photo, PhotoReader, writable_suffix
from ..imaging.losses import target_of
from ..imaging.memory_budget import Share
from ..imaging.reader import OnHeader
from ..imaging.write import file_content
from ..inference import InferenceOptions
from .items import Item
from .stores import Store


@dataclass(frozen=True)
class OutputFile:
    """A file to be written.

    Attributes:
        name: path below the output folder.
        content: all bytes of the file.
        mode: permission bits.
    """

    name: str
    content: bytes
    mode: int = 0o666


@dataclass(frozen=True, eq=False)
class ReadPicture(Source):
    """A picture whose file has been read; ``picture`` holds the bytes."""

    @classmethod
    def of(cls, item: Item, content: bytes) -> ReadPicture:
        """The picture of an item, whose file has this content."""
        path = Path(item.source)
        return cls(item.source, item.stem, path, content, Path(item.folder), problem=item.problem)

    def read(
        self,
        reader: PhotoReader,
        isolated: bool = True,
        memory: Share | None = None,
        on_header: OnHeader | None = None,
    ) -> Photo:
        """Decode the picture; ``on_header`` is not called.

        Raises:
            ImageError: the item has a problem, or the bytes cannot be decoded.
        """
        if self.problem is not None:
            raise ImageError(self.problem)
        assert self.path is not None
        return reader.decode(self.picture, self.name, isolated, memory, self.path.suffix.lower())


class PictureOutputs:
    """The outputs of one task as bytes; an :class:`~ppgan_mpr.apps.output_target.OutputTarget`.

    An output's name is ``<task>/<folder>/<stem>_restoration.<ext>``. A picture in a tar shard
    keeps its own name, because that is the key of its sample.

    Args:
        task: name of the task, and of its folder.
        options: ``suffix``, ``existing`` and ``allow_loss`` are used.
        output: store that will hold the files; used here only to form their names.
        items: name → item that is being restored; the caller adds and removes them.
        files: name of an item → its encoded files, which are added here.
    """

    def __init__(
        self,
        task: str,
        options: InferenceOptions,
        output: Store,
        items: dict[str, Item],
        files: dict[str, list[OutputFile]],
    ):
        self._task, self._options, self._output = task, options, output
        self._items, self._files = items, files
        self._kept: set[Path] = set()
        self._owners: dict[Path, str] = {}  # output -> name of its item
        self._lock = threading.Lock()
        self.stages = _Stages(self)

    def finished(self, source: Source) -> Path | None:
        """An output that exists already, if it is kept and its name is known without decoding."""
        item = self._items[source.name]
        if self._options.existing != "skip" or item.shard:
            return None
        wanted = self._named(item, self._options.suffix or Path(item.source).suffix)
        return self._shown(wanted) if wanted in item.present else None

    def note_files(self, source: Source) -> tuple[FileState, ...]:
        """Nothing: the table of results lists the files that were read."""
        return ()

    def claim(self, source: Source, photo: Photo) -> Path:
        """The name of the result.

        Raises:
            ImageError: the name is taken, or its format cannot hold the picture.
        """
        item = self._items[source.name]
        own = Path(item.source).suffix
        name = self._named(item, self._options.suffix or writable_suffix(photo, own))
        shown = self._shown(name)
        owner = item.taken.get(name, item.source)
        if owner != item.source:
            raise ImageError(
                f"Its result would overwrite that of {owner} at {shown}: restore the two into "
                "different output folders."
            )
        if name in item.present and self._options.existing == "skip":
            with self._lock:
                self._kept.add(shown)
            return shown
        target_of(photo, shown, self._options.allow_loss)
        if name in item.present and self._options.existing == "error":
            raise ImageError(
                f"{shown} exists and was left alone: use existing='overwrite' to replace it or "
                "existing='skip' to pass over it."
            )
        with self._lock:
            # Entries of pictures that failed are removed here.
            owners = {path: name for path, name in self._owners.items() if name in self._items}
            self._owners = {**owners, shown: item.source}
        return shown

    def remarks(self, output: Path) -> tuple[str, ...]:
        """Remarks about an output that existed already: none."""
        return ()

    def keeps(self, output: Path) -> bool:
        """Whether a claimed output existed before the job and is kept."""
        return output in self._kept

    def write(self, source: Source, photo: Photo, output: Path, quality: int) -> Path | None:
        """Encode a result.

        Raises:
            ImageError: the format cannot hold the picture.
        """
        self.encode(source.name, photo, output, quality)
        with self._lock:
            self._owners.pop(output, None)
        return output

    def encode(self, name: str, photo: Photo, path: Path, quality: int) -> None:
        """Encode a file of the item called ``name``."""
        loss = self._options.allow_loss
        content = file_content(photo, path, quality=quality, allow_loss=loss)
        below = path.relative_to(self._base).as_posix()
        self._files[name].append(OutputFile(below, bytes(content), self._items[name].mode))

    def owner(self, output: Path) -> str:
        """The name of the item that claimed an output."""
        return self._owners[output]

    def list_made(
        self, record: ResultRecord, output: Path, source: Source, files: tuple[FileState, ...]
    ) -> tuple[str, ...]:
        """Nothing: the job writes the table of results."""
        return ()

    @property
    def _base(self) -> Path:
        # A Path would drop one of the two slashes of an address.
        return Path(self._output.shown) if self._output.is_local else Path()

    def _shown(self, name: str) -> Path:
        return self._base / name

    def _named(self, item: Item, suffix: str) -> str:
        ending = suffix if item.shard else f"_restoration{suffix}"
        task = "" if item.shard else self._task
        return (Path(task) / item.folder / fitting_name(item.stem, ending)).as_posix()


class _Stages:
    """Encodes the outputs of a network's earlier stages."""

    def __init__(self, outputs: PictureOutputs):
        self._outputs = outputs
        self._owners: dict[Path, str] = {}

    def claim(self, output: Path, count: int) -> tuple[Path, ...]:
        """The names of the outputs of the first ``count`` stages."""
        names = (fitting_name(output.stem, f"_stage{i + 1}{output.suffix}") for i in range(count))
        paths = tuple(output.with_name(name) for name in names)
        self._owners.update(dict.fromkeys(paths, self._outputs.owner(output)))
        return paths

    def write(self, photo: Photo, path: Path, *, mode: int, quality: int) -> None:
        """Encode the output of a stage; the file gets the mode of the picture's file.

        Raises:
            ImageError: the format cannot hold the picture.
        """
        self._outputs.encode(self._owners.pop(path), photo, path, quality)
