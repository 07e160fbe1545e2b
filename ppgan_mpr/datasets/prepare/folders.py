"""Plans for downloads whose pictures need no change, only another place and name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..reader import list_pictures
from .plan import Pair, Task, Writer


def folders_below(source: Path, *avoid: Path) -> Iterable[Path]:
    """``source`` and all folders below it, sorted, without those in ``avoid``.

    Of links that lead back up nothing comes twice.
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
        split: where the pairs go.
        prefix: put before every name.

    Returns:
        One task a pair, and a note on each file without partner.
    """
    degraded, clean = ({p.stem: p for p in list_pictures(folder)} for folder in (inputs, targets))
    tasks = [
        _placement(split, prefix, degraded[stem], clean[stem])
        for stem in sorted(degraded.keys() & clean.keys())
    ]
    notes = [
        f"{path} has no partner and is left out"
        for these, those in ((degraded, clean), (clean, degraded))
        for stem, path in sorted(these.items())
        if stem not in those
    ]
    notes += [
        f"{path} has the name of another picture there and is left out"
        for folder, taken in ((inputs, degraded), (targets, clean))
        for path in list_pictures(folder)
        if taken[path.stem] != path
    ]
    return tasks, notes


def _placement(split: str, prefix: str, degraded: Path, clean: Path) -> Task:
    def run(writer: Writer, pairs: tuple[Pair, ...]) -> None:
        for path, place in zip((degraded, clean), writer.paths(pairs[0])):
            writer.place(path, place)

    return Task((Pair(split, prefix + degraded.name, prefix + clean.name),), run)
