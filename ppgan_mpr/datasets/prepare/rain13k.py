"""Rain13K with its five test sets, as MPRNet and Restormer publish them:
``train/Rain13K/{input,target}`` (or ``train/{input,target}``) and
``test/{Test100,Rain100H,Rain100L,Test2800,Test1200}/{input,target}``.
"""

from __future__ import annotations

from pathlib import Path

from .folders import folders_below, match
from .plan import Plan

# Test100 has 98 pairs, on which MSPFN and MPRNet are scored.
EXPECTED = {
    "train": 13712,
    "test/Test100": 98,
    "test/Rain100H": 100,
    "test/Rain100L": 100,
    "test/Test2800": 2800,
    "test/Test1200": 1200,
}
_SPLITS = {Path(split).name.lower(): split for split in EXPECTED}
_SPLITS["rain13k"] = "train"


def plan(source: Path, destination: Path) -> Plan:
    """Find the folders of the splits with ``input`` and ``target`` anywhere below ``source``."""
    tasks, notes = [], []
    found: dict[str, Path] = {}
    for folder in folders_below(source, destination):
        split = _SPLITS.get(folder.name.lower())
        if not split or not (folder / "input").is_dir() or not (folder / "target").is_dir():
            continue
        if split in found:
            notes.append(f"{folder} is left out: it is the same set as {found[split]}")
            continue
        found[split] = folder
        pairs, left = match(folder / "input", folder / "target", split)
        tasks += pairs
        notes += left
    notes += [
        f"{split}: no folder {Path(split).name} with input/ and target/ in it"
        for split in EXPECTED
        if split not in found
    ]
    return Plan(EXPECTED, tasks, notes)
