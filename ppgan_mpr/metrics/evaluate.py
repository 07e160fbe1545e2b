"""Scoring a folder of restored pictures against a folder of targets."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import ImageError, UsageError
from .protocols import Protocol
from .scores import ScoreTable

SUFFIX = "_restoration"  # what some programs append to the names of restored pictures
_SHOWN = 20  # problems told one by one


@dataclass(frozen=True)
class Pair:
    """A restored picture and its target."""

    name: str
    restored: Path
    target: Path


def evaluate_folders(
    restored: str | Path,
    target: str | Path,
    protocol: Protocol,
    jobs: int = 1,
    progress: bool = False,
) -> ScoreTable:
    """Score every picture of a folder.

    Args:
        restored: folder of any method's results.
        target: folder of the clean pictures; see :func:`pair_pictures` for the names.
        protocol: how to score.
        jobs: processes to share the pictures among. With more than one, a script must be
            guarded by ``if __name__ == '__main__':``, as multiprocessing demands.
        progress: show a progress bar on stderr.

    Returns:
        The scores under the targets' stems, in their order.

    Raises:
        UsageError: a folder does not exist.
        ImageError: pictures do not pair, do not match in size, or cannot be read.
    """
    from tqdm import tqdm

    pairs = pair_pictures(restored, target)
    _check_sizes(pairs, protocol)
    table = ScoreTable(protocol, str(restored))
    # Closed here: processes that the garbage collector ends may still be there at Python's exit.
    with closing(_scores(pairs, protocol, min(jobs, len(pairs)))) as scores:
        for pair, score in tqdm(
            zip(pairs, scores), total=len(pairs), unit="picture", disable=not progress
        ):
            table.add(pair.name, score)
    return table


def pair_pictures(restored: str | Path, target: str | Path) -> list[Pair]:
    """Pair the pictures of two folders by stem.

    ``photo.png`` and ``photo_restoration.png`` both belong to the target ``photo.jpg``.
    Files that are no pictures, hidden files and sub-folders are passed over.

    Raises:
        UsageError: a folder does not exist.
        ImageError: a picture has no partner or several, or there is none at all; one
            message lists everything.
    """
    problems: list[str] = []
    targets: dict[str, Path] = {}
    for path in _pictures(target):
        _enter(targets, path.stem, path, problems)
    results: dict[str, Path] = {}
    for path in _pictures(restored):
        stem = path.stem
        if stem not in targets and stem.endswith(SUFFIX):
            stem = stem[: -len(SUFFIX)]
        _enter(results, stem, path, problems)
    problems += [f"{results[k]} has no target" for k in sorted(results.keys() - targets)]
    problems += [f"{targets[k]} has no restored picture" for k in sorted(targets.keys() - results)]
    if not targets and not results:
        problems.append(f"there are no pictures in {restored} and {target}")
    _report(problems)
    return [Pair(stem, results[stem], path) for stem, path in targets.items()]


def _pictures(folder: str | Path) -> list[Path]:
    from ..imaging.formats import SUFFIXES

    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"there is no folder '{folder}'")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != "."
    )


def _enter(found: dict[str, Path], stem: str, path: Path, problems: list[str]) -> None:
    if stem in found:
        problems.append(f"{found[stem]} and {path.name} are the same picture twice")
    found.setdefault(stem, path)


def _report(problems: list[str]) -> None:
    if not problems:
        return
    lines = problems[:_SHOWN]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    raise ImageError("nothing was scored, because\n  " + "\n  ".join(lines))


def _check_sizes(pairs: list[Pair], protocol: Protocol) -> None:
    """Everything that the files' headers can tell, before hours of scoring."""
    problems = []
    for pair in pairs:
        try:
            restored, (width, height) = _size(pair.restored), _size(pair.target)
            if restored != (width, height):
                problems.append(
                    f"{pair.restored} has {restored[0]}x{restored[1]} pixels, "
                    f"its target {width}x{height}"
                )
            else:
                protocol.check(height, width)
        except ImageError as error:
            problems.append(f"{pair.target.name}: {error}")
    _report(problems)


def _size(path: Path) -> tuple[int, int]:
    """Width and height of the upright picture, without decoding it where possible."""
    from PIL import Image

    from ..imaging import read_photo

    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # of a file's odd metadata
            turned = image.getexif().get(0x0112, 1) >= 5  # Orientation: a quarter turn
            return image.size[::-1] if turned else image.size
    except Exception:  # Pillow raises whatever an unknown or damaged file drives it into
        return read_photo(path).size


def _scores(pairs: list[Pair], protocol: Protocol, jobs: int) -> Iterator[dict[str, float]]:
    if jobs <= 1:
        yield from map(partial(_score, protocol), pairs)
        return
    # Spawned, not forked: the caller may have started the threads of PaddlePaddle or OpenCV.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        try:
            yield from pool.map(partial(_score, protocol), pairs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _score(protocol: Protocol, pair: Pair) -> dict[str, float]:
    from ..imaging import read_photo

    try:
        return protocol.score(read_photo(pair.restored).pixels, read_photo(pair.target).pixels)
    except ImageError as error:
        raise ImageError(f"'{pair.restored}' cannot be scored: {error}") from None
