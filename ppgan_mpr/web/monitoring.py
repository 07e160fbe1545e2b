"""Metrics of a running server in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from .job import FINISHED
from .jobs import Jobs

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "mprnet_web"


def metrics(jobs: Jobs) -> str:
    """All metrics, each with its type and meaning."""
    return "".join(f"{line}\n" for line in _lines(jobs))


def _lines(jobs: Jobs) -> Iterator[str]:
    totals = jobs.totals
    yield from _head(
        "pictures_total",
        "counter",
        "Pictures by final state; an undecided one counts again after a choice.",
    )
    for state in FINISHED:
        yield f'{_PREFIX}_pictures_total{{state="{state}"}} {totals.finished[state]}'
    yield from _head("rejected_total", "counter", "Refused requests by reason.")
    for reason, count in sorted(totals.rejected.items()):
        yield f'{_PREFIX}_rejected_total{{reason="{reason}"}} {count}'
    values = (
        ("restoration_seconds_total", "counter", "Seconds spent restoring.", totals.seconds),
        ("pixels_total", "counter", "Pixels of restored pictures.", totals.pixels),
        ("waiting", "gauge", "Waiting pictures.", jobs.waiting),
        ("queue_limit", "gauge", "Largest number of waiting pictures.", jobs.limits.queue),
        ("running", "gauge", "Pictures being restored.", jobs.running),
    )
    for name, kind, meaning, value in values:
        yield from _head(name, kind, meaning)
        yield f"{_PREFIX}_{name} {value}"


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}_{name} {meaning}"
    yield f"# TYPE {_PREFIX}_{name} {kind}"
