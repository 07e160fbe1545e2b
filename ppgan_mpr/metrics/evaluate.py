"""Scoring a folder of restored pictures against a folder of targets."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..errors import ImageError, UsageError
from ..imaging import read_header, read_photo
from ..imaging.pairing import match_by_stem
from .protocols import Protocol
from .scores import ScoreTable

SUFFIX = "_restoration"  # some programs append this to the names of restored pictures
_SHOWN = 20  # largest number of problems listed in a message


class Pair(NamedTuple):
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
        jobs: number of threads that score pictures; they run in parallel while they decode or
            compute in NumPy.
        progress: show a progress bar on stderr.

    Returns:
        The scores, named after the stems of the target files and sorted.

    Raises:
        UsageError: a folder does not exist.
        ImageError: a picture has no partner, has another size than its target, or is damaged.
    """
    from tqdm import tqdm

    pairs = pair_pictures(restored, target)
    _check_sizes(pairs, protocol)
    table = ScoreTable(protocol, str(restored))
    # After an error, closing the generator cancels the remaining pictures.
    with closing(_scores(pairs, protocol, min(jobs, len(pairs)))) as scores:
        for pair, score in tqdm(
            zip(pairs, scores), total=len(pairs), unit="picture", disable=not progress
        ):
            table.add(pair.name, score)
    return table


def pair_pictures(restored: str | Path, target: str | Path) -> list[Pair]:
    """Pair the pictures of two folders by stem.

    ``photo.png`` and ``photo_restoration.png`` both belong to the target ``photo.jpg``.
    Other files, hidden files and sub-folders are ignored.

    Raises:
        UsageError: a folder does not exist.
        ImageError: a picture has no partner or several, or there are no pictures. One message
            lists all problems.
    """
    for folder in (restored, target):
        if not Path(folder).is_dir():
            raise UsageError(f"there is no folder '{folder}'")
    matches = match_by_stem((restored, target), ending=SUFFIX)
    problems = [
        f"{one} and {other.name} belong to the same picture"
        for duplicates in reversed(matches.duplicates)
        for one, other in duplicates
    ]
    without_target, without_result = matches.unmatched
    problems += [f"{path} has no target" for path in without_target]
    problems += [f"{path} has no restored picture" for path in without_result]
    if not problems and not matches.groups:
        problems.append(f"there are no pictures in {restored} and {target}")
    _report(problems)
    return [Pair(stem, *paths) for stem, paths in matches.groups.items()]


def _report(problems: list[str]) -> None:
    if not problems:
        return
    lines = problems[:_SHOWN]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    raise ImageError("nothing was scored:\n  " + "\n  ".join(lines))


def _check_sizes(pairs: list[Pair], protocol: Protocol) -> None:
    """Compare the sizes in the files' headers first, as scoring may take hours."""
    problems = []
    for pair in pairs:
        try:
            sizes = [_size(pair.restored), _size(pair.target)]
            if sizes[0] != sizes[1]:  # a PNG may store its orientation after its pixels
                sizes = [read_photo(pair.restored).size, read_photo(pair.target).size]
            (width, height), (target_width, target_height) = sizes
            if sizes[0] != sizes[1]:
                problems.append(
                    f"{pair.restored} has {width}x{height} pixels, "
                    f"its target {target_width}x{target_height}"
                )
            else:
                protocol.check(height, width)
        except ImageError as error:
            problems.append(f"{pair.target.name}: {error}")
    _report(problems)


def _size(path: Path) -> tuple[int, int]:
    header = read_header(path)
    return header.width, header.height


def _scores(
    pairs: list[Pair], protocol: Protocol, jobs: int
) -> Generator[dict[str, float], None, None]:
    if jobs <= 1:
        yield from map(partial(_score, protocol), pairs)
        return
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(partial(_score, protocol), pairs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _score(protocol: Protocol, pair: Pair) -> dict[str, float]:
    try:
        return protocol.score(read_photo(pair.restored).pixels, read_photo(pair.target).pixels)
    except ImageError as error:
        raise ImageError(f"'{pair.restored}' cannot be scored: {error}") from None
