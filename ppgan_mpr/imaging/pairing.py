"""Lists the pictures in folders, and matches pictures of several folders by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from .formats import SUFFIXES


class Matches(NamedTuple):
    """Pictures of several folders, matched by stem (the file name without its extension).

    Attributes:
        groups: stem -> one picture from each folder, sorted by stem.
        unmatched: for each folder, the pictures whose stem at least one other folder lacks.
        duplicates: for each folder, pairs (earlier, later) of pictures with the same stem. Of all
            pictures with one stem, only the last is matched.
    """

    groups: dict[str, tuple[Path, ...]]
    unmatched: tuple[list[Path], ...]
    duplicates: tuple[list[tuple[Path, Path]], ...]


def list_pictures(folder: str | Path, suffixes: Collection[str] = SUFFIXES) -> list[Path]:
    """The pictures directly in ``folder``, sorted; hidden files and sub-folders are left out.

    Args:
        folder: must exist.
        suffixes: in lower case with their dot; files may have them in any case.
    """
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in suffixes
            and not entry.name.startswith(".")
            and not entry.is_dir()
        )


def match_by_stem(
    folders: Sequence[str | Path],
    suffixes: Collection[str] = SUFFIXES,
    ending: str = "",
    listing: Callable[[str | Path, Collection[str]], list[Path]] = list_pictures,
) -> Matches:
    """Match the pictures of folders by stem, whatever their extensions.

    Args:
        folders: one or more, all of which must exist.
        suffixes: see :func:`list_pictures`.
        ending: what stems of the first folder may end in, such as ``_restored``. It is removed
            from stems that the last folder does not have.
        listing: lists the pictures of a folder.
    """
    found: list[dict[str, Path]] = [{} for _ in folders]
    duplicates: list[list[tuple[Path, Path]]] = [[] for _ in folders]
    for number in reversed(range(len(folders))):  # the last one first, see ``ending``
        for path in listing(folders[number], suffixes):
            stem = path.stem
            if number == 0 and ending and stem not in found[-1] and stem.endswith(ending):
                stem = stem[: -len(ending)]
            if stem in found[number]:
                duplicates[number].append((found[number][stem], path))
            found[number][stem] = path
    shared = set(found[0]).intersection(*found[1:])
    groups = {stem: tuple(paths[stem] for paths in found) for stem in sorted(shared)}
    unmatched = tuple([paths[stem] for stem in sorted(paths.keys() - shared)] for paths in found)
    return Matches(groups, unmatched, tuple(duplicates))
