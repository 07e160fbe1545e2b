"""Preparation of public data sets: converts downloads to the folders that training reads."""

from __future__ import annotations

from pathlib import Path

from ...checks import exact_name
from ...errors import UsageError
from ..pairs import find_pairs
from . import fivek, gopro, lol, rain13k, sidd
from .plan import Plan, Writer, execute

DATASETS = {
    "fivek": fivek.plan,
    "gopro": gopro.plan,
    "lol": lol.plan,
    "rain13k": rain13k.plan,
    "sidd": sidd.plan,
    "sidd-photos": sidd.plan_photos,
}

_SHOWN = 10  # largest number of notes in an error message


def prepare(
    dataset: str,
    source: str | Path,
    destination: str | Path,
    *,
    jobs: int = 1,
    copy: bool = False,
    force: bool = False,
    verify: bool = True,
) -> tuple[dict[str, int], list[str]]:
    """Prepare one data set; pairs that an earlier run finished are not written again.

    Args:
        dataset: a key of :data:`DATASETS`.
        source: folder with the unpacked download at any depth. It is only read.
        destination: folder for ``train/``, ``test/`` and so on. Nothing in it is removed.
        jobs: number of threads.
        copy: copy the pictures that need no conversion, even where hard links are possible.
        force: write existing pairs again.
        verify: require the published number of pairs, first in the download and afterwards in the
            destination. False prepares all pairs that are found.

    Returns:
        Number of pairs in each split of the destination, and notes on files that were left out.

    Raises:
        UsageError: the download is empty or incomplete, or the destination has other files.
    """
    source, destination = Path(source), Path(destination)
    if not source.is_dir():
        raise UsageError(f"{source} is not a folder: give the folder of the unpacked download")
    if destination.resolve() == source.resolve():
        raise UsageError(f"{source} is the download: give another folder for the prepared set")
    plan = DATASETS[exact_name("data set", dataset, DATASETS)](source, destination)
    if not plan.tasks:
        notes = f" ({_list(plan.notes)})" if plan.notes else ""
        raise UsageError(
            f"{source} contains nothing of {dataset}{notes}: unpack the download there, with "
            "its folders"
        )
    if verify:
        remedy = "complete the download, or use verify=False to prepare a part of it"
        _check(plan.counts(), plan, f"{source} is not complete", remedy)
    execute(plan.tasks, Writer(destination, copy), jobs, force)
    counts = {split: len(find_pairs(destination / split)) for split in plan.counts()}
    if verify:
        _check(counts, plan, f"{destination} also has other files", "use an empty folder")
    return counts, plan.notes


def _check(counts: dict[str, int], plan: Plan, what: str, remedy: str) -> None:
    wrong = [
        f"{split} has {counts.get(split, 0)} of {expected} pairs"
        for split, expected in plan.expected.items()
        if counts.get(split, 0) != expected
    ]
    if wrong:
        notes = f" ({_list(plan.notes)})" if plan.notes else ""
        raise UsageError(f"{what}: {', '.join(wrong)}{notes}; {remedy}")


def _list(notes: list[str]) -> str:
    more = [f"and {len(notes) - _SHOWN} more"] if len(notes) > _SHOWN else []
    return "; ".join(notes[:_SHOWN] + more)
