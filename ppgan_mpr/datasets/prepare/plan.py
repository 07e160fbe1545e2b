"""Plans of the work that prepares a data set, and their execution in parallel."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ...errors import ImageError
from ...files import atomic_place, atomic_write


@dataclass(frozen=True)
class Pair:
    """The file names of one pair of the finished data set.

    Attributes:
        split: folder below the destination, such as ``train`` or ``test/Rain100L``.
        input, target: names of the two files in ``split/input`` and ``split/target``.
    """

    split: str
    input: str
    target: str


@dataclass(frozen=True)
class Task:
    """A piece of work for one thread.

    Attributes:
        pairs: the pairs that it produces.
        run: writes the files of the given pairs with the :class:`Writer`.
    """

    pairs: tuple[Pair, ...]
    run: Callable[[Writer, tuple[Pair, ...]], None]


@dataclass(frozen=True)
class Plan:
    """The pairs that were found in a download, and the work that prepares them.

    Attributes:
        expected: split -> number of pairs in the published data set.
        tasks: the work.
        notes: one line for each file that is missing or left out.
    """

    expected: Mapping[str, int]
    tasks: list[Task]
    notes: list[str] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """split -> number of pairs found."""
        return Counter(pair.split for task in self.tasks for pair in task.pairs)


class Writer:
    """Writes the files of the finished data set, each of them atomically.

    Args:
        destination: folder of the finished data set.
        copy: True copies the files that need no conversion. False makes hard links to them where
            the file system allows it; hard links take no space and share their content with the
            download.
    """

    def __init__(self, destination: Path, copy: bool = False):
        self._destination = destination
        self._copy = copy

    def paths(self, pair: Pair) -> tuple[Path, Path]:
        """The paths of a pair's input and target."""
        folder = self._destination / pair.split
        return folder / "input" / pair.input, folder / "target" / pair.target

    def place(self, source: Path, path: Path) -> None:
        """Link or copy a file that needs no conversion."""
        with atomic_place(path) as temporary:
            if not self._copy:
                with suppress(OSError):  # another file system, or one without hard links
                    os.link(os.path.realpath(source), temporary)  # not to a symbolic link
                    return
            shutil.copyfile(source, temporary)

    def save(self, pixels: np.ndarray, path: Path) -> None:
        """Write RGB pixels [H, W, 3] as PNG."""
        done, data = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))
        if not done:
            raise ImageError(f"{path} cannot be encoded as PNG")
        with atomic_write(path) as file:
            file.write(data.tobytes())


def execute(tasks: list[Task], writer: Writer, jobs: int, force: bool = False) -> None:
    """Run the unfinished tasks in parallel, with a progress bar.

    Decoding, encoding and copying release Python's global lock, so threads use all cores.

    Args:
        tasks: the tasks of the plan.
        writer: writes the files.
        jobs: number of threads.
        force: write existing files again.
    """

    def open_pairs(task: Task) -> tuple[Pair, ...]:
        if force:
            return task.pairs
        return tuple(p for p in task.pairs if not all(path.exists() for path in writer.paths(p)))

    todo = [(task, pairs) for task in tasks for pairs in [open_pairs(task)] if pairs]
    total = sum(len(task.pairs) for task in tasks)
    written = sum(len(pairs) for _, pairs in todo)
    for folder in {path.parent for _, pairs in todo for p in pairs for path in writer.paths(p)}:
        folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=total, initial=total - written, unit="pair") as bar:
        pool = ThreadPoolExecutor(max(1, jobs))
        try:
            running = {pool.submit(task.run, writer, pairs): pairs for task, pairs in todo}
            for done in as_completed(running):
                done.result()
                bar.update(len(running[done]))
        finally:  # after an error or Ctrl-C, running tasks are finished and no others are started
            pool.shutdown(cancel_futures=True)
