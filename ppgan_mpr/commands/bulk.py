"""Restore very many photographs, on this machine or on a Ray cluster: mprnet-bulk INPUT OUTPUT

INPUT is a folder, a glob, a CSV or Parquet file with a column of paths, WebDataset tar shards
(a .tar file or a glob of them), or the address of one of these, such as s3://bucket/photos. OUTPUT
is a folder or an address. Results have the same names, pixels and metadata as those of mprnet.
The result of a shard is a shard. The table OUTPUT/ppgan_mpr_results.parquet has a row for each
picture. To continue an interrupted job, run the same command again.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

from ..cluster.bulk import LARGE, BulkJob, Outcome, Progress
from ..file_names import shown
from ..inference.memory import parse_memory
from .estimate import duration
from .flags import as_flags
from .inference_flags import add_restoration_flags, chosen_options
from .messages import show_messages
from .program import program_name, run_program
from .progress import photo_bar
from .result_lines import passed_over_in_words
from .task_choice import add_task_flag, add_weights_flag

_SHOWN_FAILURES = 100
_LINE_SECONDS = 30.0
_SHOWN_NODES = 4


def build_parser() -> argparse.ArgumentParser:
    """The options: those of ``mprnet`` that apply to a bulk job, and the job's own."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description=__doc__,
        epilog="exit code: 0 all pictures restored, 1 some picture failed, 2 wrong usage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("input", metavar="INPUT")
    add("output", metavar="OUTPUT")
    add_task_flag(parser)
    add_weights_flag(parser, "; every node needs the file")
    add(
        "--address", metavar="ADDRESS",
        help="Ray cluster to run on; auto: this node's cluster (default: the one that the "
        "environment variable RAY_ADDRESS names, which the command `ray job submit` sets; if it is "
        "not set, this machine alone)",
    )  # fmt: skip
    add(
        "--large", metavar="SIZE", default=f"{LARGE >> 20}M",
        help="pictures in files of at least this size are restored after the small ones, one at a "
        "time in each worker (default: %(default)s)",
    )  # fmt: skip
    add_restoration_flags(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    options = build_parser().parse_args(arguments)
    with show_messages(arguments):
        return run_program(lambda: _run(options), message=_message)


def _message(error: object) -> str:
    return as_flags(error)


def _run(arguments: argparse.Namespace) -> int:
    job = BulkJob(
        arguments.input,
        arguments.output,
        arguments.task,
        arguments.weight_path,
        chosen_options(arguments),
        arguments.address,
        parse_memory(arguments.large, "large"),
    )
    display = _Display(job.progress)
    try:
        for outcome in job.run():
            display.show(outcome)
    except KeyboardInterrupt:
        display.close()
        print("interrupted: the same command continues the job", file=sys.stderr)
        raise
    finally:
        display.close()
    for line in summary(job.progress):
        print(line)
    return 1 if job.progress.counts["failed"] else 0


class _Display:
    """Shows a bar on a terminal, a line now and then elsewhere, and failures."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._bar = photo_bar(None)  # until the inputs are listed
        self._next_line = time.monotonic() + _LINE_SECONDS

    def show(self, outcome: Outcome) -> None:
        progress = self._progress
        self._bar.total, self._bar.seconds_left = progress.total, progress.seconds_left
        shown_beside = [f"{rate(progress.megapixel_rate)} MP/s", *_busy(progress)]
        self._bar.set_postfix_str(", ".join(shown_beside), refresh=False)
        self._bar.update(progress.items - self._bar.n)
        failed = progress.counts["failed"]
        if outcome.error is not None and failed <= _SHOWN_FAILURES:
            with self._bar.external_write_mode(file=sys.stderr):
                text = as_flags(shown(outcome.error))
                print(f"{shown(outcome.source)}: failed: {text}", file=sys.stderr)
                if failed == _SHOWN_FAILURES:
                    print("further failures are in the table only", file=sys.stderr)
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            print(progress_line(progress), file=sys.stderr, flush=True)

    def close(self) -> None:
        self._bar.close()


def rate(value: float) -> str:
    """A rate with two decimal places, or two significant digits if it is below 0.1."""
    leading = math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.{max(2, 1 - leading)}f}"


def progress_line(progress: Progress) -> str:
    """One line that shows the progress of a job."""
    left = progress.seconds_left
    return ", ".join(
        (
            f"{progress.items} of {progress.total} done",
            f"{rate(progress.rate)} pictures/s",
            f"{rate(progress.megapixel_rate)} MP/s",
            "time left unknown" if left is None else f"{duration(left)} left",
            *_busy(progress),
        )
    )


def _busy(progress: Progress) -> list[str]:
    """How busy each node is; with many nodes, only the least busy one and the mean."""
    nodes = progress.utilisation()
    if len(nodes) <= _SHOWN_NODES:
        return [f"{node} {busy:.0%} busy" for node, busy in nodes.items()]
    least = min(nodes, key=lambda node: nodes[node])
    mean = sum(nodes.values()) / len(nodes)
    return [f"{len(nodes)} nodes {mean:.0%} busy", f"least busy: {least} {nodes[least]:.0%}"]


def summary(progress: Progress) -> list[str]:
    """The lines that sum up a job."""
    counts = [f"{n} {what}" for what, n in progress.counts.items() if n] or ["nothing to do"]
    if progress.finished_before:
        counts.append(f"{progress.finished_before} restored by earlier runs")
    counts += passed_over_in_words(progress.passed_over)
    lines = [f"{', '.join(counts)} in {duration(progress.seconds)}"]
    if progress.done:
        lines.append(
            f"{rate(progress.rate)} pictures/s, {rate(progress.megapixel_rate)} MP/s with "
            f"{progress.workers} worker{'s' * (progress.workers > 1)}"
        )
        lines += [f"{node}: {busy:.0%} busy" for node, busy in progress.utilisation().items()]
    return [*lines, f"table: {shown(progress.table)}"]


if __name__ == "__main__":
    sys.exit(main())
