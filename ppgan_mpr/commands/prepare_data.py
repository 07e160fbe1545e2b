"""Turn a public data set's download into the layout that training and scoring read.

    python tools/prepare_data.py gopro   DOWNLOAD data/GoPro
    python tools/prepare_data.py sidd    DOWNLOAD data/SIDD
    python tools/prepare_data.py rain13k DOWNLOAD data/Synthetic_Rain_Datasets
    python tools/prepare_data.py lol     DOWNLOAD data/LOL
    python tools/prepare_data.py fivek   DOWNLOAD data/FiveK

docs/datasets.md says where the downloads are. A run that was broken off goes on where it was.
"""

from __future__ import annotations

import argparse
import sys

from ..datasets.prepare import DATASETS, prepare
from ..dependencies import cpu_count
from ..errors import RestorationError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
    try:
        counts, notes = prepare(**options)
    except RestorationError as error:
        message = str(error).replace("verify=False", "--no-verify")
        print(f"{parser.prog}: {message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{parser.prog}: {error.filename}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for note in notes:
        print(f"note: {note}")
    for split, count in counts.items():
        print(f"{options['destination']}/{split}: {count} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
