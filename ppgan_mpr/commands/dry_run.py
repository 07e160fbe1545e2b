"""The output of ``mprnet --dry-run``: what would be done with each picture, and the time for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..file_names import shown
from ..imaging.limits import in_words
from .estimate import duration
from .flags import as_flags
from .result_lines import (
    JsonLines,
    Lines,
    found_in_words,
    left_alone_in_words,
    passed_over_in_words,
)

if TYPE_CHECKING:
    from ..apps.plan import Plan, PlanRecord


def print_plan(plan: Plan, lines: Lines, passed_over: Counter[str]) -> None:
    """Print a line for each picture, or a JSON object, and a summary.

    Args:
        plan: the plan for the pictures.
        lines: how results would be printed.
        passed_over: suffix → number of files that are not pictures.
    """
    for record in plan:
        warnings = tuple(map(as_flags, record.warnings))
        error = record.error and as_flags(record.error)
        record = replace(record, error=error, warnings=warnings)
        if isinstance(lines, JsonLines):
            print(json.dumps(record.to_dict()))
        else:
            print(_line(record))
    lines.remark(_summary(plan, passed_over))


def _line(record: PlanRecord) -> str:
    source = shown(record.source)
    if record.error is not None:
        return f"{source}: would fail: {shown(record.error)}"
    if record.skipped:
        return f"{source}: would be skipped, {shown(record.output)} exists"
    if record.left_alone:
        return f"{source}: {left_alone_in_words(record)}"
    parts = [source if record.output is None else f"{source} -> {shown(record.output)}"]
    if record.size:
        parts.append("{}x{}".format(*record.size))
    if record.frames is not None:
        parts.append(f"{record.frames} frames")
    if record.tile:
        wide, tall = record.tile
        parts.append("1 tile" if record.tiles == 1 else f"{record.tiles} tiles of {wide}x{tall}")
    if record.seconds is not None:
        parts.append(f"about {duration(record.seconds)}")
    if record.detected:
        parts.append(found_in_words(record))
    return "  ".join((*parts, *map(shown, record.warnings)))


def _summary(plan: Plan, passed_over: Counter[str]) -> str:
    to_do = [record for record in plan if record.to_do]
    failing = sum(record.error is not None for record in plan)
    skipped = sum(record.skipped for record in plan)
    alone = sum(record.left_alone for record in plan)
    parts = [f"would restore {len(to_do)}"]
    parts += [f"leave {alone} alone"] if alone else []
    parts += [f"skip {skipped}"] if skipped else []
    parts += [f"fail to restore {failing}"] if failing else []
    parts += passed_over_in_words(passed_over)
    if not to_do:
        return ", ".join(parts)
    networks = dict.fromkeys(f"{one.network} ({shown(one.weights)})" for one in to_do)
    first = to_do[0]
    how = f"{first.backend} in {first.precision} on {first.device}"
    parts.append(f"by {' and '.join(networks)} with {how}")
    if plan.seconds is None:
        parts.append("time unknown until the first tile")
    else:
        known = sum(one.seconds is not None for one in to_do)
        parts.append(f"about {duration(plan.seconds)}{_for(known, to_do)}")
    if plan.memory is not None:
        known = sum(one.memory is not None for one in to_do)
        parts.append(f"up to {in_words(plan.memory)} of memory{_for(known, to_do)}")
    if plan.download is not None:
        size = f" ({in_words(plan.download)})" if plan.download else ""
        parts.append(f"after the weights are downloaded{size}")
    return ", ".join(parts)


def _for(known: int, to_do: Sequence[PlanRecord]) -> str:
    """How many pictures and videos an estimate covers, as " for N of them"; empty if all."""
    return f" for {known} of them" if known < len(to_do) else ""
