"""MIT-Adobe FiveK, retouched by expert C: 4500 photos for training and the last 500 for testing.

The download contains raw files and TIFFs in ProPhoto RGB, which must first be exported as sRGB
pictures (see docs/datasets.md). The untouched and the retouched version of a photo must have the
same size. The exports are in two folders side by side, or in two such folders for each split. The
number in the file name decides the split of a photo, as in MIRNet and most other work on this set.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ...imaging.formats import RAW_SUFFIXES
from .folders import folders_below, match
from .plan import Plan

EXPECTED = {"train": 4500, "test": 500}
# Names of the folders (untouched, retouched by expert C) in published exports.
_FOLDERS = (("input", "expertC"), ("input", "target"), ("low", "high"))
_NUMBER = re.compile(r"a?(\d{4})(?!\d)")  # a0001-jmac_DSC1459.png


def plan(source: Path, destination: Path) -> Plan:
    """Find the two folders of exported photos anywhere below ``source``."""
    tasks, notes, found, raw = [], [], set(), 0
    for folder in folders_below(source, destination):
        raw += sum(path.suffix.lower() in RAW_SUFFIXES for path in folder.iterdir())
        for inputs, targets in _FOLDERS:
            if not (folder / inputs).is_dir() or not (folder / targets).is_dir():
                continue
            pairs, left = match(folder / inputs, folder / targets, "")
            notes += left
            for task in pairs:
                (pair,) = task.pairs
                numbered = _NUMBER.match(pair.input)
                number = int(numbered[1]) if numbered else 0
                if not 1 <= number <= sum(EXPECTED.values()) or number in found:
                    why = "its number is taken" if number in found else "it has no valid number"
                    notes.append(f"{folder / inputs / pair.input} is left out: {why}")
                    continue
                found.add(number)
                split = "train" if number <= EXPECTED["train"] else "test"
                tasks.append(replace(task, pairs=(replace(pair, split=split),)))
    if raw:
        notes.append(f"{raw} raw files must first be exported as pictures")
    return Plan(EXPECTED, tasks, notes)
