"""Bring a public data set into the layout that training reads: ``mprnet-prepare-data``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..datasets.prepare import DATASETS, prepare
from ..dependencies import cpu_count
from .program import program_name, run_program

_DESCRIPTION = """Bring a public data set's download into the layout that training and scoring read.

  %(prog)s gopro   DOWNLOAD data/GoPro
  %(prog)s sidd    DOWNLOAD data/SIDD
  %(prog)s rain13k DOWNLOAD data/Synthetic_Rain_Datasets
  %(prog)s lol     DOWNLOAD data/LOL
  %(prog)s fivek   DOWNLOAD data/FiveK

docs/datasets.md says where the downloads are. A run that was interrupted continues.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 1 a mistake, 130 interrupted)."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", choices=sorted(DATASETS))
    parser.add_argument("source", metavar="SRC", help="folder with the unpacked download")
    parser.add_argument("destination", metavar="DST", help="folder for the prepared data set")
    parser.add_argument("--jobs", type=int, default=cpu_count(), help="threads (default: cores)")
    parser.add_argument(
        "--copy",
        action="store_true",
        help="copy unchanged pictures (default: hard links where the file system allows it)",
    )
    parser.add_argument("--force", action="store_true", help="write again what is there already")
    parser.add_argument(
        "--no-verify", dest="verify", action="store_false", help="accept a part of the data set"
    )
    options = vars(parser.parse_args(argv))
    return run_program(
        lambda: _prepare(options),
        failure=1,
        message=lambda error: str(error).replace("verify=False", "--no-verify"),
    )


def _prepare(options: dict[str, Any]) -> int:
    counts, notes = prepare(**options)
    for note in notes:
        print(f"note: {note}")
    for split, count in counts.items():
        print(f"{options['destination']}/{split}: {count} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
