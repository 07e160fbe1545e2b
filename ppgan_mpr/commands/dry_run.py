"""The output of ``mprnet --dry-run``: what would be done with each picture, and the time for it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ..file_names import shown
from ..imaging.limits import in_words
from .estimate import duration
from .flags import as_flags
from .result_lines import JsonLines, Lines, passed_over_in_words

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
        record = replace(record, error=record.error and as_flags(record.error))
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
    parts = [source if record.output is None else f"{source} -> {shown(record.output)}"]
    if record.size:
        parts.append("{}x{}".format(*record.size))
    if record.tile:
        wide, tall = record.tile
        parts.append("1 tile" if record.tiles == 1 else f"{record.tiles} tiles of {wide}x{tall}")
    if record.seconds is not None:
        parts.append(f"about {duration(record.seconds)}")
    return "  ".join((*parts, *map(shown, record.warnings)))


def _summary(plan: Plan, passed_over: Counter[str]) -> str:
    to_do = [record for record in plan if record.to_do]
    failing = sum(record.error is not None for record in plan)
    skipped = sum(record.skipped for record in plan)
    parts = [f"would restore {len(to_do)}"]
    parts += [f"skip {skipped}"] if skipped else []
    parts += [f"fail at {failing}"] if failing else []
    parts += passed_over_in_words(passed_over)
    if not to_do:
        return ", ".join(parts)
    if to_do[0].network:
        one = to_do[0]
        weights, how = shown(one.weights), f"{one.backend} in {one.precision} on {one.device}"
        parts.append(f"by {one.network} ({weights}) with {how}")
    if plan.seconds is None:
        parts.append("time unknown until the first tile")
    else:
        parts.append(f"about {duration(plan.seconds)}")
    if plan.memory is not None:
        parts.append(f"up to {in_words(plan.memory)} of memory")
    if plan.download is not None:
        size = f" ({in_words(plan.download)})" if plan.download else ""
        parts.append(f"after the weights are downloaded{size}")
    return ", ".join(parts)
