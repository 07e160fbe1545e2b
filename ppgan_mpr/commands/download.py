"""Download published weights into a folder, for example for a machine without internet.

DIR has the layout of the cache folder. Copy it to the other machine and set PPGAN_MPR_HOME to the
copy, or copy DIR/weights into the cache folder that mprnet-doctor prints. Files that are already
in DIR are verified and not downloaded again. If a run is interrupted or fails for some files, run
the same command again.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..dependencies import require
from ..errors import DownloadError, UsageError, WeightsError
from ..files import atomic_write
from ..networks import WeightsRecord, find_network, find_task, networks, tasks, weights_records
from ..weights.digests import FileDigest, digest_file
from ..weights.published import download_weights
from .flags import as_flags
from .program import program_name, run_program

#: Name of the file that lists the digests of the files next to it, for ``sha256sum -c``.
CHECKSUMS = "SHA256SUMS"
_CHECKSUM = re.compile(r"([0-9a-f]{64})  (.+)")


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        0 if all files are there, 1 if some are not, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(
        prog=program_name() if argv is None else "mprnet-download",
        description=__doc__,
        epilog="exit code: 0 all files are there, 1 some could not be downloaded, 2 wrong usage\n"
        "environment variable PPGAN_MPR_MIRROR: https address of a folder from which the files,\n"
        "with the same names, are downloaded instead",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(spec.name for spec in networks())
    add = parser.add_argument
    add("folder", metavar="DIR", help="folder for the files; created if missing")
    add("--all", action="store_true", help="every file that mprnet --list shows with an address")
    add("-t", "--task", action="append", default=[], metavar="TASK",
        help=f"the files for a task; may be repeated: {', '.join(tasks())}")  # fmt: skip
    add("--network", action="append", default=[], metavar="NETWORK",
        help=f"the files of a network; may be repeated: {names}")  # fmt: skip
    options = parser.parse_args(argv)
    return run_program(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    records = _select(options.all, options.task, options.network)
    folder = Path(options.folder).expanduser()
    place = folder / "weights"
    place.mkdir(parents=True, exist_ok=True)
    require("paddle")  # it checks the downloaded files; if it is missing, fail before any download
    digests: dict[str, FileDigest] = {}
    failures = []
    width = max(len(record.name) for record in records)
    for record in records:
        try:
            path = download_weights(record, folder)
            digest = digests[path.name] = digest_file(path)
        except (DownloadError, WeightsError) as error:
            failures.append(error)
            continue
        print(
            f"{record.name:{width}}  {path.name}  {_megabytes(digest.size)}  "
            f"sha256 {digest.sha256}",
            flush=True,
        )
    if digests:
        _write_checksums(place / CHECKSUMS, digests)
        total = _megabytes(sum(digest.size for digest in digests.values()))
        print(
            f"{len(digests)} of {len(records)} files, {total}, are in {place}, and their digests "
            f"are in {CHECKSUMS} there.\n"
            f"On the other machine set PPGAN_MPR_HOME to the copy of {folder}."
        )
    for failure in failures:
        print(f"error: {as_flags(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _select(
    everything: bool, task_names: Sequence[str], network_names: Sequence[str]
) -> list[WeightsRecord]:
    """The records of the downloadable weights that the options choose.

    Raises:
        UsageError: a name is unknown, options are missing or contradict each other, or there are
            no such weights.
    """
    chosen = bool(task_names or network_names)
    if everything and chosen:
        raise UsageError("--all downloads everything: leave out --task and --network, or --all.")
    if not everything and not chosen:
        raise UsageError("Choose the files to download with --all, --task or --network.")
    wanted_tasks = {find_task(name).name for name in task_names} or set(tasks())
    wanted_networks = {find_network(name).name for name in network_names}
    found = [
        record
        for record in weights_records()
        if record.url
        and record.task in wanted_tasks
        and (not wanted_networks or record.network in wanted_networks)
    ]
    if not found:
        raise UsageError(
            f"There are no weights to download for {' and '.join([*task_names, *network_names])}: "
            "see mprnet --list."
        )
    return found


def _write_checksums(path: Path, digests: Mapping[str, FileDigest]) -> None:
    """Add digests to the list, and remove those of files that no longer exist."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    listed = {match[2]: match[1] for match in map(_CHECKSUM.fullmatch, lines) if match}
    listed.update({name: digest.sha256 for name, digest in digests.items()})
    there = sorted(name for name in listed if path.with_name(name).exists())
    with atomic_write(path) as file:
        file.write("".join(f"{listed[name]}  {name}\n" for name in there).encode())


def _megabytes(nbytes: int) -> str:
    return f"{nbytes / 1e6:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
