"""GoPro, in ``GOPRO_Large/{train,test}/SEQUENCE/{blur,blur_gamma,sharp}/FRAME.png``.

MPRNet and all later work use ``blur`` (frames averaged as they are), not ``blur_gamma`` (averaged
after a gamma of 2.2 was undone), and name the pictures ``SEQUENCE-FRAME.png``.
"""

from __future__ import annotations

from pathlib import Path

from .folders import folders_below, match
from .plan import Plan

EXPECTED = {"train": 2103, "test": 1111}
# The sequences of the published split, used to name those that a download lacks.
SEQUENCES = {
    "train": (
        "GOPR0372_07_00 GOPR0372_07_01 GOPR0374_11_00 GOPR0374_11_01 GOPR0374_11_02 "
        "GOPR0374_11_03 GOPR0378_13_00 GOPR0379_11_00 GOPR0380_11_00 GOPR0384_11_01 "
        "GOPR0384_11_02 GOPR0384_11_03 GOPR0384_11_04 GOPR0385_11_00 GOPR0386_11_00 "
        "GOPR0477_11_00 GOPR0857_11_00 GOPR0868_11_01 GOPR0868_11_02 GOPR0871_11_01 "
        "GOPR0881_11_00 GOPR0884_11_00"
    ),
    "test": (
        "GOPR0384_11_00 GOPR0384_11_05 GOPR0385_11_01 GOPR0396_11_00 GOPR0410_11_00 "
        "GOPR0854_11_00 GOPR0862_11_00 GOPR0868_11_00 GOPR0869_11_00 GOPR0871_11_00 "
        "GOPR0881_11_01"
    ),
}


def plan(source: Path, destination: Path) -> Plan:
    """Find the sequences anywhere below ``source``."""
    tasks, notes, found = [], [], set()
    for folder in folders_below(source, destination):
        split = folder.parent.name
        if split in EXPECTED and (folder / "blur").is_dir() and (folder / "sharp").is_dir():
            if (split, folder.name) in found:
                notes.append(f"{folder} is left out: the sequence occurs twice")
                continue
            found.add((split, folder.name))
            pairs, left = match(folder / "blur", folder / "sharp", split, f"{folder.name}-")
            tasks += pairs
            notes += left
    notes += [
        f"{split}: sequence {name} is missing"
        for split, names in SEQUENCES.items()
        for name in names.split()
        if (split, name) not in found
    ]
    return Plan(EXPECTED, tasks, notes)
