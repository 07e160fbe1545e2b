"""LOL: ``our485`` (training) and ``eval15`` (test), each with ``{low,high}/NUMBER.png``."""

from __future__ import annotations

from pathlib import Path

from .folders import folders_below, match
from .plan import Plan

EXPECTED = {"train": 485, "test": 15}
_SPLITS = {"our485": "train", "eval15": "test"}


def plan(source: Path, destination: Path) -> Plan:
    """Find the two folders anywhere below ``source``."""
    tasks, notes = [], []
    found: dict[str, Path] = {}
    for folder in folders_below(source, destination):
        split = _SPLITS.get(folder.name)
        if not split or not (folder / "low").is_dir() or not (folder / "high").is_dir():
            continue
        if split in found:
            notes.append(f"{folder} is left out: it is the same set as {found[split]}")
            continue
        found[split] = folder
        pairs, left = match(folder / "low", folder / "high", split)
        tasks += pairs
        notes += left
    notes += [
        f"{split}: no folder {name} with low/ and high/ in it"
        for name, split in _SPLITS.items()
        if split not in found
    ]
    return Plan(EXPECTED, tasks, notes)
