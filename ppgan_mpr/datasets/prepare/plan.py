"""What is to be done to bring a data set into the layout, as data; and doing it."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ...errors import ImageError


@dataclass(frozen=True)
class Pair:
    """One input and target of the finished data set.

    Attributes:
        split: folder below the destination, such as ``train`` or ``test/Rain100L``.
        input, target: names of the two files in ``split/input`` and ``split/target``.
    """

    split: str
    input: str
    target: str


@dataclass(frozen=True)
class Task:
    """A piece of work that one thread does.

    Attributes:
        pairs: the pairs that come out of it.
        run: writes the files of the pairs it is given through the :class:`Writer`.
    """

    pairs: tuple[Pair, ...]
    run: Callable[[Writer, tuple[Pair, ...]], None]


@dataclass(frozen=True)
class Plan:
    """Everything found in a download.

    Attributes:
        expected: split -> number of pairs that the published data set has.
        tasks: the work.
        notes: what is missing or left out, one line each.
    """

    expected: Mapping[str, int]
    tasks: list[Task]
    notes: list[str] = field(default_factory=list)

    def counts(self) -> Counter:
        """split -> number of pairs found."""
        return Counter(pair.split for task in self.tasks for pair in task.pairs)


class Writer:
    """Puts files in place: whole or not at all, and never the user's own.

    Args:
        destination: folder of the finished data set.
        copy: True copies unchanged files; otherwise they become hard links where the file
            system allows it (no space taken, both names share one content).
    """

    def __init__(self, destination: Path, copy: bool = False):
        self._destination = destination
        self._copy = copy

    def paths(self, pair: Pair) -> tuple[Path, Path]:
        """Where the input and target of a pair go."""
        folder = self._destination / pair.split
        return folder / "input" / pair.input, folder / "target" / pair.target

    def place(self, source: Path, path: Path) -> None:
        """Link or copy an unchanged file."""
        with _replacing(path) as temporary:
            if not self._copy:
                with suppress(OSError):  # another file system, or one without links
                    os.link(os.path.realpath(source), temporary)  # not a link to a link
                    return
            shutil.copyfile(source, temporary)

    def save(self, pixels: np.ndarray, path: Path) -> None:
        """Write RGB pixels [H, W, 3] as PNG."""
        done, data = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))
        if not done:
            raise ImageError(f"{path} cannot be encoded as PNG")
        with _replacing(path) as temporary:
            temporary.write_bytes(data)


def execute(tasks: list[Task], writer: Writer, jobs: int, force: bool = False) -> None:
    """Do the work that is not yet done, in parallel, under a progress bar.

    Decoding, encoding and copying release Python's lock, so threads use all cores.

    Args:
        tasks: of the plan.
        writer: puts the files in place.
        jobs: threads.
        force: write also what is there already.
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
        finally:  # on an error or Ctrl-C what has begun is finished, and nothing new begins
            pool.shutdown(cancel_futures=True)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that takes its place when the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
