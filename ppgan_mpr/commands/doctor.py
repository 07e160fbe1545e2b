"""The command ``mprnet-doctor``: a report on this installation, with its faults and their fixes."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .diagnosis import Finding, diagnose
from .installation import FEATURES, MODULES, Facts, collect
from .program import program_name

_Section = tuple[str, list[tuple[str, str]]]


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        0 if everything that restoring needs is installed and works, else 1.
    """
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description="Describe this installation for a bug report and say what is wrong with it. "
        "Nothing is changed and nothing is sent anywhere.",
        epilog="exit code: 0 everything that restoring needs is here, 1 something is wrong",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(argv)
    if sys.stderr.isatty():
        print("Checking the installation; this takes some seconds.", file=sys.stderr)
    facts = collect()
    findings = diagnose(facts)
    print(render_json(facts, findings) if options.json else render_text(facts, findings))
    return 1 if any(finding.fault for finding in findings) else 0


def render_json(facts: Facts, findings: Sequence[Finding]) -> str:
    """The report as JSON: the facts, ``findings``, and in ``faults`` the number of faults."""
    report = {
        **asdict(facts),
        "findings": [asdict(finding) for finding in findings],
        "faults": sum(finding.fault for finding in findings),
    }
    return json.dumps(_without_home(report), indent=2)


def render_text(facts: Facts, findings: Sequence[Finding]) -> str:
    """The report as text for people."""
    lines = [f"ppgan_mpr {facts.version}, Python {facts.python}"]
    for title, rows in _sections(facts):
        width = max(len(label) for label, _ in rows)
        lines += ["", title, *(f"  {label:{width}}  {value}".rstrip() for label, value in rows)]
    faults = [finding.text for finding in findings if finding.fault]
    notes = [finding.text for finding in findings if not finding.fault]
    for title, texts in (("What is wrong", faults), ("Notes", notes)):
        if texts:
            lines += ["", title, *(f"  - {text}" for text in texts)]
    conclusion = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'} found."
    lines += ["", conclusion if faults else "Everything that restoring needs is here."]
    return "\n".join(_without_home(lines))


def _sections(facts: Facts) -> list[_Section]:
    features = (
        "unknown on this system"
        if facts.features is None
        else ", ".join(name if name in facts.features else f"no {name}" for name in FEATURES)
    )
    memory = "unknown"
    if facts.memory is not None and facts.budget is not None:
        memory = f"{_size(facts.memory)} free, {_size(facts.budget)} for a network by default"
    system = [
        ("environment", facts.prefix),
        ("operating system", facts.system),
        ("machine", facts.machine),
        ("processor", facts.processor),
        ("cores", f"{facts.cores} that this process may use"),
        ("features", features),
        ("OpenVINO computes in", ", ".join(facts.capabilities) or "unknown"),
        ("GPUs", ", ".join(facts.gpus) or ("unknown" if facts.cuda is None else "none found")),
        ("memory", memory),
    ]
    sections = [
        ("System", system),
        ("Packages", _package_rows(facts)),
        ("Choices made by auto", _trial_rows(facts)),
        ("Cache", _cache_rows(facts)),
        (
            "Weights",
            [(file.name, _weights_state(file.state, file.embedded)) for file in facts.weights],
        ),
        ("Environment", [(name, value or "not set") for name, value in facts.variables.items()]),
        ("Could not be determined", [("", text) for text in facts.unknown]),
    ]
    return [(title, rows) for title, rows in sections if rows]


def _package_rows(facts: Facts) -> list[tuple[str, str]]:
    rows = []
    builds = {True: ", built for GPUs", False: ", built for CPUs", None: ""}
    for module, names in MODULES.items():
        build = builds[facts.cuda] if module == "paddle" else ""
        rows += [(name, f"{facts.packages[name]}{build}") for name in facts.installed(module)]
        if not facts.installed(module):
            rows.append((names[0], "not installed"))
    broken = [(f"import {module}", f"fails: {reason}") for module, reason in facts.broken.items()]
    return rows + broken


def _trial_rows(facts: Facts) -> list[tuple[str, str]]:
    trial = facts.trial
    if trial.error:
        return [("", f"a small picture could not be restored: {trial.error}")]
    return [(name, str(getattr(trial, name))) for name in ("backend", "device", "precision")]


def _cache_rows(facts: Facts) -> list[tuple[str, str]]:
    cache = facts.cache
    return [
        ("folder", cache.folder or "none"),
        ("can be written", f"no: {cache.error}" if cache.error else "yes"),
        ("weights", _size(cache.weights_bytes)),
        ("compiled networks", _size(cache.networks_bytes)),
    ]


def _weights_state(state: str, embedded: bool) -> str:
    where = "embedded, " if embedded else "" if state == "not downloaded" else "downloaded, "
    return where + state


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _without_home(value: Any) -> Any:
    """The report with ~ for the home folder, whose path often holds the user's name."""
    if isinstance(value, str):
        home = os.path.expanduser("~")
        return value if home in ("~", "/") else re.sub(rf"{re.escape(home)}(?![\w.-])", "~", value)
    if isinstance(value, dict):
        return {key: _without_home(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_home(item) for item in value]
    return value


if __name__ == "__main__":
    sys.exit(main())
