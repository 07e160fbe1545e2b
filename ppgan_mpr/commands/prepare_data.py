"""The command ``mprnet-prepare-data``: converts data sets to the layout that training reads."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..datasets.packed import pack
from ..datasets.pairs import find_pairs, input_folders
from ..datasets.prepare import DATASETS, prepare
from ..datasets.prepare.cut import Cut, cut
from ..dependencies import cpu_count
from ..file_names import shown
from .flags import as_flags
from .program import program_name, run_program

_DESCRIPTION = """Convert a data set to the layout that training and scoring read.

Sort the download of a public data set into folders of pairs:
  %(prog)s gopro       DOWNLOAD data/GoPro
  %(prog)s sidd        DOWNLOAD data/SIDD        patches of 256x256 pixels
  %(prog)s sidd-photos DOWNLOAD data/SIDD        whole photos, to cut afterwards
  %(prog)s rain13k     DOWNLOAD data/Synthetic_Rain_Datasets
  %(prog)s lol         DOWNLOAD data/LOL
  %(prog)s fivek       DOWNLOAD data/FiveK

Cut the large pictures of any set into sub-pictures, from which patches are read faster:
  %(prog)s cut  data/GoPro/train data/GoPro/train_512

Pack all pictures into one file, for disks on which many small files are slow:
  %(prog)s pack data/GoPro/train_512 data/GoPro/train_512.tar

docs/datasets.md says where to download the data sets. To continue an interrupted run, run the same
command again.
"""

# Option names as the library writes them in messages -> flags
_FLAGS = {name: f"--{name.replace('_', '-')}" for name in ("verify", *asdict(Cut()))}


def build_parser() -> argparse.ArgumentParser:
    """A parser with a command for each data set, and commands for folders of pairs."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in sorted(DATASETS):
        add = commands.add_parser(name, help="prepare this data set").add_argument
        add("source", metavar="SRC", help="folder with the unpacked download")
        add("destination", metavar="DST", help="folder for the prepared data set")
        add("--jobs", type=int, default=cpu_count(), help="threads (default: number of cores)")
        add(
            "--copy",
            action="store_true",
            help="copy the pictures that need no conversion (default: make hard links to them if "
            "the file system allows it)",
        )
        add("--force", action="store_true", help="write existing files again")
        add(
            "--no-verify",
            dest="verify",
            action="store_false",
            help="accept an incomplete data set",
        )
    add = commands.add_parser("cut", help="cut pictures into sub-pictures").add_argument
    add("source", metavar="SRC", help="folder with input/ (or inputL/ and inputR/) and target/")
    add("destination", metavar="DST", help="folder for the sub-pictures")
    how = Cut()
    for option, text in {
        "size": "side of the sub-pictures in pixels of the target",
        "step": "pixels from one sub-picture to the next",
        "min_rest": "number of pixels that may be left out at the bottom or right; if more remain, "
        "another sub-picture covers them",
        "scale": "how many times larger the targets are than the inputs",
    }.items():
        add(
            f"--{option.replace('_', '-')}",
            metavar="N",
            type=int,
            default=getattr(how, option),
            help=f"{text} (default: %(default)s)",
        )
    add("--jobs", type=int, default=cpu_count(), help="threads (default: number of cores)")
    add("--force", action="store_true", help="write existing files again")
    add = commands.add_parser("pack", help="write all pictures into one file").add_argument
    add("source", metavar="SRC", help="folder with input/ (or inputL/ and inputR/) and target/")
    add("destination", metavar="FILE", help="the .tar file to write")
    add("--scale", metavar="N", type=int, default=1, help="as for cut (default: 1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0: done, 1: an error, 130: interrupted)."""
    options = vars(build_parser().parse_args(argv))
    others: dict[str, Callable[..., int]] = {"cut": _cut, "pack": _pack}
    work = others.get(options["command"], _prepare)
    return run_program(
        lambda: work(**options),
        failure=1,
        message=lambda error: as_flags(error, _FLAGS),
    )


def _prepare(command: str, **options: Any) -> int:
    counts, notes = prepare(command, **options)
    for note in notes:
        print(f"note: {shown(note)}")
    for split, count in counts.items():
        print(f"{shown(options['destination'])}/{split}: {count} pairs")
    return 0


def _cut(
    command: str, source: str, destination: str, jobs: int, force: bool, **numbers: int
) -> int:
    photos, pieces = cut(source, destination, Cut(**numbers), jobs=jobs, force=force)
    print(
        f"{shown(destination)}: {pieces} pairs of sub-pictures, cut from {photos} pairs of photos"
    )
    return 0


def _pack(command: str, source: str, destination: str, scale: int) -> int:
    pairs = find_pairs(source, input_folders(source), scale)
    pack(source, destination, ([path for path, _ in pair.files] for pair in pairs))
    size = Path(destination).stat().st_size
    print(f"{shown(destination)}: {len(pairs)} pairs, {size / 1e9:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
