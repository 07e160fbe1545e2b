"""Restores the corpus with the command line and counts the outcomes."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from soak_corpus import Case
from soak_runs import Run, mprnet, watch

BATCH = 200  # files restored by one process
SECONDS = 60.0  # for one file, on a busy machine
MEMORY = 2 << 30  # bytes, for the process and its children
LIMIT = ("--picture_limit", "2M")  # of decoded bytes; larger pictures take minutes to restore


@dataclass
class Fate:
    """The outcome of one file.

    Attributes:
        case: the file.
        outcome: ``restored``, ``reported``, or the failure: ``unexpected`` (an unforeseen error),
            ``refused`` (though valid), ``unreadable output``, ``no line``, ``crash``, ``hang``.
        detail: the line about it.
        seconds: time between the line before and its own.
    """

    case: Case
    outcome: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        return self.outcome in ("restored", "reported") and self.seconds < SECONDS


@dataclass
class Report:
    """The outcomes of all files, and the peak memory in bytes."""

    fates: list[Fate] = field(default_factory=list)
    peak: int = 0

    @property
    def failures(self) -> list[Fate]:
        return [fate for fate in self.fates if not fate.fine]

    @property
    def within_memory(self) -> bool:
        return self.peak < MEMORY

    def table(self) -> str:
        """Markdown: a row for each kind of file."""
        kinds: dict[str, list[Fate]] = defaultdict(list)
        for fate in self.fates:
            kinds[fate.case.kind].append(fate)
        rows = ["| kind of file | files | restored | reported | otherwise | longest |",
                "|---|---|---|---|---|---|"]  # fmt: skip
        for kind, fates in [*sorted(kinds.items()), ("all", self.fates)]:
            counts = Counter(fate.outcome for fate in fates)
            other = sum(not fate.fine for fate in fates)
            longest = max(fate.seconds for fate in fates)
            rows.append(
                f"| {kind} | {len(fates)} | {counts['restored']} | {counts['reported']} | {other} "
                f"| {longest:.1f} s |"
            )
        return "\n".join([*rows, "", f"Most memory at one time: {self.peak / 2**20:.0f} MB"])


def restore_all(
    cases: Iterable[Case], home: Path, say: Callable[[str], object] = lambda _: None
) -> Report:
    """Restore files in batches; a file that ends its batch early is followed by a new batch.

    Args:
        cases: the files.
        home: folder of the cache.
        say: called with a line about each batch.
    """
    report = Report()
    pending = list(cases)
    while pending:
        batch, pending = pending[:BATCH], pending[BATCH:]
        done = list(_restore(sorted(batch, key=lambda case: case.name), home, report))
        report.fates += done
        say(f"{len(report.fates)} files, {len(report.failures)} failures")
        left = {case.name for case in batch} - {fate.case.name for fate in done}
        pending = [case for case in batch if case.name in left] + pending
    return report


def _restore(cases: list[Case], home: Path, report: Report) -> Iterator[Fate]:
    with tempfile.TemporaryDirectory() as temporary:
        folder, output = Path(temporary) / "in", Path(temporary) / "out"
        folder.mkdir()
        for case in cases:
            case.write(folder)
        rows = Path(temporary) / "report.json"
        command = mprnet(folder, "-o", output, "--report", rows, *_limit())
        run = watch(command, home, silence=SECONDS)
        report.peak = max(report.peak, run.peak)
        records = []
        with contextlib.suppress(OSError, ValueError):
            records = json.loads(rows.read_text())
        outputs = {Path(row["source"]).name: row["output"] for row in records}
        yield from _fates(cases, folder, run, outputs)
        shutil.rmtree(folder)


def _limit() -> tuple[str, ...]:
    from ppgan_mpr.inference import InferenceOptions

    names = [option.name for option in InferenceOptions.documented()]
    return LIMIT if "picture_limit" in names else ()


def _fates(
    cases: list[Case], folder: Path, run: Run, outputs: dict[str, str | None]
) -> Iterator[Fate]:
    """The outcome of each file that was reached."""
    lines: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for when, line in run.lines:
        for case in cases:
            if line.startswith((f"{folder / case.name}: failed: ", f"{folder / case.name} -> ")):
                lines[case.name].append((when, line))
    before, ended_early = 0.0, run.code not in (0, 1) or run.hung
    for case in cases:
        found = lines[case.name]
        if not found:
            outcome = "hang" if run.hung else f"crash ({run.code})" if ended_early else "no line"
            yield Fate(case, outcome, run.text[-2000:])
            if ended_early:
                return
            continue
        when, line = found[0]
        # The first line comes after the program's start.
        seconds, before = (when - before if before else 0.0), when
        outcome = "restored" if " -> " in line else "reported"
        if len(found) > 1:
            outcome = f"{len(found)} lines"
        elif "failed: unexpected " in line or "Traceback" in line:
            outcome = "unexpected"
        elif outcome == "reported" and case.kind == "valid":
            outcome = "refused"
        elif outcome == "restored" and not _is_picture(outputs.get(case.name), line):
            outcome = "unreadable output"
        yield Fate(case, outcome, line, seconds)


def _is_picture(output: str | None, line: str) -> bool:
    path = output or line.split(" -> ")[1].split("  ")[0]
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:
        return False
    return True
