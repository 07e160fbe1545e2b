"""Storage of the finished parts of a video, so that an interrupted restoration can continue.

The parts are in a hidden folder beside the output. Each part is a file of encoded frames
(``0.packets``), the state of the scene at its end (``0.npz``) and, written last, the times of its
frames (``0.json``). Without ``0.json`` the part is unfinished. ``job.json`` records the source and
the options: parts of other jobs are deleted.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import ImageError
from ..file_names import fitting_name
from ..files import atomic_write, locked

_JOB, _LOCK = "job.json", "lock"


@dataclass(frozen=True)
class Part:
    """A finished part: some consecutive frames.

    Attributes:
        times, durations: display time and duration of each frame, in the source's time base.
        order: the numbers of the frames, from 0, in the order in which the file stores them.
        bytes: size of the file.
        notes: facts about these frames for the result's record, such as their number of tiles.
    """

    times: list[int]
    durations: list[int]
    order: list[int]
    bytes: int
    notes: Mapping[str, Any]


class Parts:
    """The folder of the parts of one output, locked against other processes in a ``with`` block.

    Args:
        output: the file that is being made.
        job: source, weights, options and encoder, which decide the pixels; in JSON's types.

    Attributes:
        finished: the finished parts, from the first one on.
        folder: the folder.

    Raises:
        ImageError: when the block is entered, if another process makes the same output.
    """

    def __init__(self, output: Path, job: Mapping[str, Any]):
        self.folder = output.with_name(fitting_name(f".{output.name}", ".ppgan_mpr_parts"))
        self.finished: list[Part] = []
        self._job = json.loads(json.dumps(job))
        self._output = output
        self._lock = contextlib.ExitStack()

    def __enter__(self) -> Parts:
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context((self.folder / _LOCK).open("wb"))
            if not stack.enter_context(locked(file, wait=False)):
                raise ImageError(
                    f"{self._output} is being written by another process: wait until it ends"
                )
            self._lock = stack.pop_all()
        if _read(self.folder / _JOB) != self._job:
            self._clear()
            with atomic_write(self.folder / _JOB) as job:
                job.write(json.dumps(self._job, indent=1).encode())
        self.finished = list(self._found())
        return self

    def __exit__(self, *_: object) -> None:
        if not self.finished:
            self._clear()
            with contextlib.suppress(OSError):
                (self.folder / _LOCK).unlink()
                self.folder.rmdir()
        self._lock.close()

    @property
    def frames(self) -> int:
        """Number of frames in the finished parts."""
        return sum(len(part.times) for part in self.finished)

    def scene(self) -> dict[str, np.ndarray]:
        """The state of the scene at the end of the last finished part; empty without any part."""
        if not self.finished:
            return {}
        return _arrays(self._file(len(self.finished) - 1, "npz"))

    @contextlib.contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Open the file of the next part; it gets its name when the block ends without an error."""
        with atomic_write(self._file(len(self.finished), "packets")) as file:
            yield file

    def add(self, part: Part, scene: Mapping[str, np.ndarray]) -> None:
        """Add the part whose file has just been written.

        Args:
            part: the frames of the part.
            scene: the state of the scene at its end.
        """
        number = len(self.finished)
        with atomic_write(self._file(number, "npz")) as file:
            np.savez(file, **scene)  # type: ignore[arg-type] # the stubs miss keyword arrays
        with atomic_write(self._file(number, "json")) as file:
            file.write(json.dumps(asdict(part)).encode())
        self.finished.append(part)

    def files(self) -> list[Path]:
        """The files of the finished parts."""
        return [self._file(number, "packets") for number in range(len(self.finished))]

    def drop(self) -> None:
        """Discard all parts; the folder is removed at the end of the ``with`` block."""
        self.finished.clear()

    def _file(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number}.{suffix}"

    def _found(self) -> Iterator[Part]:
        number = 0
        while True:
            try:
                part = Part(**_read(self._file(number, "json")))
                if self._file(number, "packets").stat().st_size != part.bytes:
                    return
                _arrays(self._file(number, "npz"))
            except (TypeError, OSError, ValueError, zipfile.BadZipFile):
                return
            yield part
            number += 1

    def _clear(self) -> None:
        for file in self.folder.iterdir():
            if file.name == _JOB or file.suffix in (".packets", ".npz", ".json"):
                file.unlink()


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def _arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)
