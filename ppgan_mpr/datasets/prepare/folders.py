"""Helpers for downloads whose pictures are linked or copied without conversion."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...imaging.pairing import match_by_stem
from ..reader import SUFFIXES
from .plan import Pair, Task, Writer


def folders_below(source: Path, *avoid: Path) -> Iterable[Path]:
    """Yield ``source`` and all folders below it in sorted order, except ``avoid`` and below.

    Links to a parent folder are not followed.
    """
    if any(source.samefile(folder) for folder in avoid if folder.exists()):
        return
    yield source
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        yield from folders_below(folder, source, *avoid)


def match(
    inputs: Path, targets: Path, split: str, prefix: str = ""
) -> tuple[list[Task], list[str]]:
    """Pair two folders by file name without extension.

    Args:
        inputs, targets: the folders.
        split: folder of the destination for the pairs.
        prefix: prefix of the new names.

    Returns:
        One task for each pair, and a note for each file that is left out.
    """
    matches = match_by_stem((inputs, targets), SUFFIXES)
    tasks = [
        _placement(split, prefix, degraded, clean) for degraded, clean in matches.groups.values()
    ]
    notes = [
        f"{path} has no partner and is left out" for paths in matches.unmatched for path in paths
    ]
    notes += [
        f"{path} has the same name as another picture and is left out"
        for duplicates in matches.duplicates
        for path, _ in duplicates
    ]
    return tasks, notes


def _placement(split: str, prefix: str, degraded: Path, clean: Path) -> Task:
    def run(writer: Writer, pairs: tuple[Pair, ...]) -> None:
        for path, place in zip((degraded, clean), writer.paths(pairs[0])):
            writer.place(path, place)

    return Task((Pair(split, prefix + degraded.name, prefix + clean.name),), run)
