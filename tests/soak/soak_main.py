"""Stress the program with damaged files, faults and load, and print the results.

    python tools/soak.py                       # everything: an hour or two
    python tools/soak.py --only files --share 0.05
    python tools/soak.py --only faults --seed 3

The exit code is 1 if a file was neither restored nor reported in one line in time, if data were
lost after a fault, or if a long run took more and more time or memory. Needs Linux or macOS. A full
disk needs root on Linux; elsewhere, a limit on the size of files replaces it.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

PARTS = ("files", "faults", "load", "pairs")
COMPARISON = "paddlegan"


def main(argv: list[str] | None = None) -> int:
    """Run the requested parts; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--only",
        choices=(*PARTS, COMPARISON),
        action="append",
        help=f"a part; may be "
        f"repeated (default: all but {COMPARISON}, which runs its app on the same files)",
    )
    add("--share", type=float, default=1.0, help="share of the files and faults (default: 1, all)")
    add("--seed", type=int, default=0, help="seed of all random choices (default: 0)")
    add("--pictures", type=int, default=10_000, help="pictures of the long run (default: 10000)")
    options = parser.parse_args(argv)
    parts = options.only or PARTS
    print(_machine(), flush=True)
    failed = False
    for part in parts:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            failed |= not _PARTS[part](options, Path(folder))
        print(f"({part}: {time.perf_counter() - started:.0f} s)\n", flush=True)
    return int(failed)


def _machine() -> str:
    names = ("paddlepaddle", "openvino", "pillow", "opencv-python-headless", "numpy")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return f"{platform.platform()}, Python {platform.python_version()}, {', '.join(versions)}\n"


def _files(options: argparse.Namespace, folder: Path) -> bool:
    from soak_corpus import corpus
    from soak_files import restore_all

    report = restore_all(corpus(options.seed, options.share), folder, say=_say)
    print(report.table())
    for fate in report.failures:
        print(f"{fate.case.name}: {fate.outcome}, {fate.seconds:.1f} s: {fate.detail[-300:]}")
    return not report.failures and report.within_memory


def _faults(options: argparse.Namespace, folder: Path) -> bool:
    from soak_faults import Workplace, inject_faults, share_of_plan, table

    faults = share_of_plan(options.seed, options.share)
    verdicts = inject_faults(options.seed, faults, Workplace(folder / "faults"), _say)
    print(table(verdicts))
    return not any(verdict.problems for verdict in verdicts)


def _load(options: argparse.Namespace, folder: Path) -> bool:
    from soak_load import many_pictures

    load = many_pictures(options.pictures, folder / "load", folder / "home")
    print(load.table())
    return load.flat


def _pairs(_: argparse.Namespace, folder: Path) -> bool:
    from soak_faults import Workplace
    from soak_load import two_programs

    problems, place = [], Workplace(folder / "place")
    for warm in (False, True):
        found = two_programs(place, folder / ("warm" if warm else "cold"), warm)
        print(f"two programs, {'warm' if warm else 'cold'} cache: {'; '.join(found) or 'fine'}")
        problems += found
    return not problems


def _paddlegan(options: argparse.Namespace, folder: Path) -> bool:
    from soak_corpus import corpus
    from soak_paddlegan import restore_with_paddlegan

    print(restore_with_paddlegan(corpus(options.seed, options.share), folder))
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_PARTS = {
    "files": _files,
    "faults": _faults,
    "load": _load,
    "pairs": _pairs,
    COMPARISON: _paddlegan,
}
