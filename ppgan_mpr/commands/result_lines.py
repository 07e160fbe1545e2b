"""The lines that ``mprnet`` prints for each result, and its summary."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import RestorationError
from ..file_names import shown
from .flags import as_flags

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..apps.plan import PlanRecord
    from ..apps.result import Result, ResultRecord
    from .comparisons import Comparisons


class Lines:
    """Prints results for people: results on stdout, problems on stderr."""

    def result(self, result: Result) -> None:
        """Print a result and its warnings."""
        print(_line(result), file=sys.stdout if result.ok else sys.stderr, flush=True)
        if result.left_alone:  # its line holds the warnings already
            return
        for warning in result.record.warnings:
            self.problem(result, warning)

    def problem(self, result: Result, text: object) -> None:
        """Print a problem with a result."""
        print(f"{shown(result.source)}: {as_flags(shown(text))}", file=sys.stderr)

    def remark(self, text: str) -> None:
        """Print a line that is not a result."""
        print(text, flush=True)


class JsonLines(Lines):
    """Prints results for programs: one JSON object per line on stdout, all else on stderr."""

    def result(self, result: Result) -> None:
        """Print a result."""
        record = _in_flags(result.record)
        print(json.dumps(record.to_dict()), flush=True)  # ASCII, as names may hold any characters

    def remark(self, text: str) -> None:
        """Print a line that is not a result."""
        print(text, file=sys.stderr, flush=True)


def report_results(
    results: Iterable[Result],
    bar: tqdm,
    lines: Lines,
    report: str | None,
    passed_over: Counter[str],
    comparisons: Comparisons | None,
) -> tuple[int, list[ResultRecord]]:
    """Print each result and a summary.

    Args:
        results: the results; they are restored while this iterates.
        bar: the progress bar over the pictures.
        lines: prints the lines.
        report: file for the records of all results, or None.
        passed_over: suffix → number of files that are not pictures.
        comparisons: writes comparisons of the results, or None.

    Returns:
        The exit code and the records.
    """
    from ..apps.report import write_report

    started = time.perf_counter()
    restored = skipped = failed = incomplete = clean = doubtful = without_weights = 0
    records = []
    try:
        with bar:
            for result in results:
                failed += not result.ok
                skipped += result.skipped
                doubtful += result.doubtful
                without_weights += result.without_weights
                clean += result.left_alone and not (result.doubtful or result.without_weights)
                restored += result.ok and not (result.skipped or result.left_alone)
                records.append(_in_flags(result.record))
                with bar.external_write_mode(file=sys.stderr):
                    lines.result(result)
                    compared = None if result.left_alone else comparisons
                    if compared and not _compare(compared, result, lines):
                        incomplete += 1
                bar.update()
        if comparisons and not _finish(comparisons, lines):
            incomplete += 1
    finally:
        if report:
            write_report(report, records)
    parts = [f"{restored} restored"]
    parts += [f"{clean} with nothing to restore"] if clean else []
    parts += [f"{doubtful} doubtful and left alone"] if doubtful else []
    parts += [f"{without_weights} left alone for lack of weights"] if without_weights else []
    parts += [f"{skipped} skipped"] if skipped else []
    parts += [f"{failed} failed"] if failed else []
    parts += passed_over_in_words(passed_over)
    lines.remark(f"{', '.join(parts)} in {time.perf_counter() - started:.1f} s")
    return (1 if failed or incomplete else 0), records


def _in_flags(record: ResultRecord) -> ResultRecord:
    """A record whose messages name options as command-line flags."""
    warnings = tuple(map(as_flags, record.warnings))
    return replace(record, error=record.error and as_flags(record.error), warnings=warnings)


def passed_over_in_words(passed_over: Counter[str]) -> list[str]:
    """The part of a summary about files that are not pictures; empty if there are none."""
    if not passed_over:
        return []
    total = sum(passed_over.values())
    counts = (f"{n} {suffix or 'without suffix'}" for suffix, n in passed_over.most_common())
    return [f"{total} other file{'s' * (total > 1)} passed over ({', '.join(counts)})"]


def _compare(comparisons: Comparisons, result: Result, lines: Lines) -> bool:
    """Write a comparison and print its scores; returns False if it cannot be made."""
    try:
        line = comparisons.add(result)
    except RestorationError as error:
        lines.problem(result, f"not compared: {error}")
        return False
    if line:
        lines.remark(shown(line))
    return True


def _finish(comparisons: Comparisons, lines: Lines) -> bool:
    """Write the gallery and print its place; returns False if it cannot be made."""
    try:
        gallery = comparisons.finish()
    except RestorationError as error:
        print(f"no gallery: {shown(error)}", file=sys.stderr)
        return False
    if gallery:
        lines.remark(f"gallery: {shown(gallery)}")
    return True


def _line(result: Result) -> str:
    source, output = shown(result.source), shown(result.output)
    if not result.ok:
        return f"{source}: failed: {as_flags(shown(result.error))}"
    if result.skipped:
        return f"{source}: skipped, {output} exists"
    if result.left_alone:
        return f"{source}: {left_alone_in_words(result.record)}"
    width, height = result.size or (0, 0)
    line = f"{source} -> {output}  {width}x{height}  {result.seconds:.1f} s"
    return f"{line}  {found_in_words(result.record)}" if result.record.detected else line


def found_in_words(record: ResultRecord | PlanRecord) -> str:
    """The finding of ``--task auto`` in a picture, with its confidence."""
    found, confidence = (record.detected[key] for key in ("degradation", "confidence"))
    return f"{found or 'nothing to restore'} ({100 * confidence:.0f} % sure)"


def left_alone_in_words(record: ResultRecord | PlanRecord) -> str:
    """Why ``--task auto`` leaves a picture alone, and which task restores it."""
    if not record.detected["degradation"]:
        return found_in_words(record)
    perhaps = "perhaps" if record.detected.get("doubtful") else "looks like"
    found = f"{perhaps} {found_in_words(record)}"
    if record.warnings:
        return "; ".join((found, *(as_flags(shown(text)) for text in record.warnings)))
    return f"{found}, left alone: --task {record.detected['task']} restores it"
