"""Cuts photos into overlapping sub-pictures, from which patches are read faster.

To read a patch of a PNG, everything above and to the left of it must be decoded. In a small picture
that is little. Most released training code reads such sub-pictures: 512x512 pixels every 256
(the convention of BasicSR; NAFNet and MIRNet-v2 on GoPro, FiveK, RealSR and DPDD) or every 384
(SIDD).
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from ...checks import check_whole_number
from ...errors import ImageError, UsageError
from ...files import atomic_write
from ..packed import refuse_packed
from ..pairs import Pair, find_pairs, input_folders
from ..reader import read_picture

_LARGEST = 1 << 16  # larger than any useful side in pixels
_SETTINGS = "cut.json"


@dataclass(frozen=True)
class Cut:
    """How pictures are cut.

    Attributes:
        size: side of the sub-pictures, in pixels of the target.
        step: distance between their upper left corners, in pixels of the target.
        min_rest: if more pixels than this are left at the bottom or the right, another sub-picture
            covers them.
        scale: enlargement; a target is this many times as high and wide as its input.

    Raises:
        UsageError: a number is out of range, or ``size`` or ``step`` is not a multiple of
            ``scale``.
    """

    size: int = 512
    step: int = 256
    min_rest: int = 0
    scale: int = 1

    def __post_init__(self) -> None:
        check_whole_number("size", self.size, 8, _LARGEST)
        check_whole_number("step", self.step, 1, _LARGEST)
        check_whole_number("min_rest", self.min_rest, 0, _LARGEST)
        check_whole_number("scale", self.scale, 1, _LARGEST)
        for name in ("size", "step"):
            if getattr(self, name) % self.scale:
                raise UsageError(
                    f"{name}={getattr(self, name)} is not a multiple of scale={self.scale}: inputs "
                    "and targets would not be cut at the same places."
                )

    def starts(self, length: int) -> list[int]:
        """First pixels of the sub-pictures along a side; a side that is too short stays whole."""
        if length <= self.size:
            return [0]
        starts = list(range(0, length - self.size + 1, self.step))
        if length - (starts[-1] + self.size) > self.min_rest:
            starts.append(length - self.size)
        return starts


def cut(
    source: str | Path,
    destination: str | Path,
    how: Cut | None = None,
    *,
    jobs: int = 1,
    force: bool = False,
) -> tuple[int, int]:
    """Cut all pairs of a folder; sub-pictures that an earlier run finished are not written again.

    ``cut.json`` in the destination records how the pictures were cut, and the file size and time of
    each source picture. A source picture that has changed since is cut again.

    The sub-picture of ``7.png`` that begins at row 256 and column 512 of the target is named
    ``7_256_512.png``. Sub-pictures are PNGs in the bit depth of their photo, written atomically.

    Args:
        source: folder with ``input/`` and ``target/``, or ``inputL/``, ``inputR/`` and
            ``target/``. It is only read.
        destination: folder for the same folders. Only sub-pictures of changed pictures are
            removed from it.
        how: how pictures are cut.
        jobs: number of threads.
        force: write existing sub-pictures again.

    Returns:
        Number of pairs in the source, and number of their sub-picture pairs in the destination.

    Raises:
        UsageError: files do not pair, the source is a packed data set, or the destination was cut
            in another way or from pictures that the source lacks.
        ImageError: a picture cannot be read.
    """
    source, destination, how = Path(source), Path(destination), how or Cut()
    if destination.resolve() == source.resolve():
        raise UsageError(f"{source} is the source: give another folder for the sub-pictures.")
    refuse_packed(source)
    inputs = input_folders(source)
    pairs = find_pairs(source, inputs, how.scale)
    parts = [destination / name for name in (*inputs, "target")]
    _check_settings(source, destination, how, pairs, parts)
    for part in parts:
        part.mkdir(parents=True, exist_ok=True)
    total = 0
    with tqdm(total=len(pairs), unit="pair") as bar:
        pool = ThreadPoolExecutor(max(1, jobs))
        try:
            running = [pool.submit(_cut_pair, pair, parts, how, force) for pair in pairs]
            for done in as_completed(running):
                total += done.result()
                bar.update()
        finally:  # after an error or Ctrl-C, running pairs are finished and no others are started
            pool.shutdown(cancel_futures=True)
    return len(pairs), total


def _check_settings(
    source: Path, destination: Path, how: Cut, pairs: list[Pair], parts: list[Path]
) -> None:
    """Record the settings and sources of a folder; refuse a folder that was cut in another way."""
    path = destination / _SETTINGS
    files = {
        f"{part.name}/{picture.name}": (part, pair.name, picture)
        for pair in pairs
        for part, (picture, _) in zip(parts, pair.files)
    }
    stamps = {key: _stamp(picture) for key, (_, _, picture) in files.items()}
    if path.is_file():
        earlier: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = earlier.pop("sources", {})
        if earlier != asdict(how):
            listed = ", ".join(f"{key} {value}" for key, value in earlier.items())
            raise UsageError(f"{destination} was cut with {listed}: give another folder.")
        absent = [key for key in known if key not in files]
        if absent:
            raise UsageError(
                f"{destination} was cut from pictures that {source} lacks, such as "
                f"{absent[0]}: give another folder."
            )
        # Outdated sub-pictures are removed before the new stamps are written. In the other order,
        # an interrupted run could leave outdated ones that the next run takes for current ones.
        for key, (part, name, _) in files.items():
            if key in known and known[key] != stamps[key]:
                _remove_pieces(part, name)
    destination.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps({**asdict(how), "sources": stamps}).encode())


def _stamp(picture: Path) -> list[int]:
    """Size in bytes and modification time in nanoseconds, which reveal a changed file."""
    status = picture.stat()
    return [status.st_size, status.st_mtime_ns]


def _remove_pieces(part: Path, name: str) -> None:
    """Remove all sub-pictures of one picture, which may have had another size."""
    pieces = re.compile(re.escape(name) + r"_\d+_\d+\.png")
    for file in list(part.iterdir()) if part.is_dir() else ():
        if pieces.fullmatch(file.name):
            file.unlink()


def _cut_pair(pair: Pair, parts: list[Path], how: Cut, force: bool) -> int:
    """Write the sub-pictures of one pair; returns their number."""
    assert pair.target_header is not None  # find_pairs returns no pairs without targets
    height, width = pair.target_header[:2]
    places = [(top, left) for top in how.starts(height) for left in how.starts(width)]
    for part, (path, header) in zip(parts, pair.files):
        by = how.scale if header is pair.header else 1
        todo = {part / f"{pair.name}_{top}_{left}.png": (top, left) for top, left in places}
        if not force:
            todo = {file: place for file, place in todo.items() if not file.exists()}
        if not todo:
            continue
        photo = read_picture(path)
        for file, (top, left) in todo.items():
            rows, columns = (slice(first // by, (first + how.size) // by) for first in (top, left))
            _save(photo[rows, columns], file)
    return len(places)


def _save(pixels: np.ndarray, path: Path) -> None:
    """Write RGB pixels [H, W, 3] as a PNG."""
    # Low compression is faster to write, and the files are hardly larger.
    done, data = cv2.imencode(
        ".png", np.ascontiguousarray(pixels[:, :, ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    )
    if not done:
        raise ImageError(f"{path} cannot be encoded as PNG")
    with atomic_write(path) as file:
        file.write(data.tobytes())
