"""The output of ``mprnet-verify``: text for people, and data for JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..inference import InferenceOptions
from ..inference.devices import choose_devices, find_gpus
from ..metrics import Protocol, ScoreTable
from ..networks import WeightsRecord
from ..versions import versions
from ..weights import Weights
from ..weights.digests import DigestCheck
from .installation import processor_name
from .verification import Comparison, Measurement, Tolerance, finite

_HEAD = ("data set", "protocol", "pictures", "published", "measured", "difference", "", "source")


def describe_weights(
    weights: Weights, record: WeightsRecord | None, path: Path, check: DigestCheck, note: str
) -> str:
    """Text about the weights file and its digest."""
    origin = f", {record.origin}" if record else ""
    lines = [f"{weights.source}: {weights.spec.title}{origin}"]
    lines += [
        f"  file    {path}",
        f"  size    {check.digest.size:,} bytes",
        f"  sha256  {check.digest.sha256}",
        f"  git id  {check.digest.git_blob}",
        f"  {check.explanation}",
    ]
    return "\n".join(lines + ([f"  {note}"] if note else []))


def describe_data(measurements: Sequence[Measurement], protocols: Sequence[Protocol]) -> str:
    """Text about the pictures and the protocols."""
    lines = []
    for measurement in measurements:
        part = f"the first {measurement.count} of " if measurement.count < measurement.total else ""
        lines.append(f"pictures: {part}{measurement.total} in {measurement.folder}")
    for protocol in protocols:
        where = "bottom and right" if protocol.padding == "end" else "all four sides"
        lines.append(f"  {protocol.name}: {protocol.description}; padding at {where}")
    return "\n".join(lines)


def render_table(comparisons: Sequence[Comparison], verdicts: Sequence[bool | None]) -> str:
    """The comparisons as a text table."""
    words = {True: "agrees", False: "DIFFERS", None: "not comparable"}
    rows = [_HEAD]
    for comparison, verdict in zip(comparisons, verdicts):
        score, mean = comparison.score, comparison.measured.mean()
        psnr, ssim = comparison.differences
        # Adding zero turns a rounded -0.00 into +0.00.
        difference = "" if psnr is None else f"{round(psnr, 2) + 0.0:+.2f} dB"
        difference += "" if ssim is None else f" / {round(ssim, 4) + 0.0:+.4f}"
        published = "-"
        if score:
            known = "-" if score.ssim is None else f"{score.ssim:.4f}".rstrip("0")
            published = f"{score.psnr:.2f} dB / {known}"
        rows.append((
            score.dataset if score else comparison.name or "-",
            comparison.measured.protocol.name,
            str(len(comparison.measured)),
            published,
            f"{mean['psnr']:.2f} dB / {mean['ssim']:.4f}",
            difference or "-",
            words[verdict],
            score.source if score else "-",
        ))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def remarks(comparisons: Sequence[Comparison], measurements: Sequence[Measurement]) -> list[str]:
    """Sentences that explain the table."""
    remarks = list(dict.fromkeys(c.reason for c in comparisons if c.reason))
    remarks += [
        f"{table.identical} of {len(table)} pictures are left out of the mean PSNR by "
        f"{table.protocol.name}, because they equal their targets."
        for table in {id(c.measured): c.measured for c in comparisons}.values()
        if table.identical
    ]
    tiled = sum(len(measurement.tiled) for measurement in measurements)
    if tiled:
        count = sum(measurement.restorations for measurement in measurements)
        remarks.append(
            f"{tiled} of {count} pictures were restored in tiles, because they do not fit in the "
            "memory as a whole. This changes scores a little."
        )
    return remarks


def conclude(verdicts: Sequence[bool | None], check: DigestCheck, tolerance: Tolerance) -> str:
    """The last line, which says whether the scores agree."""
    comparable = [verdict for verdict in verdicts if verdict is not None]
    limits = f"{tolerance.psnr:g} dB and {tolerance.ssim:g}"
    if not comparable:
        text = "No published score could be compared."
    elif all(comparable):
        text = f"All comparable scores ({len(comparable)}) agree within {limits}."
    else:
        wrong = comparable.count(False)
        text = f"{wrong} of {len(comparable)} comparable scores differ by more than {limits}."
    return text if check.passed else f"{text} The file is not the expected one, see above."


def describe_computer(report: Mapping[str, Any]) -> str:
    """The data of :func:`computer_report` as text."""
    backend = report["backend"]
    parts = [report["machine"]["processor"], *(backend[k] for k in ("name", "device", "precision"))]
    parts += ["local statistics (TLC)"] if backend["local"] else []
    installed = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"machine: {', '.join(parts)}\nversions: {installed}"


def computer_report(measurement: Measurement, options: InferenceOptions) -> dict[str, Any]:
    """Backend, machine and versions of a measurement, as data."""
    backend = measurement.backend
    assert backend is not None  # the measurement has run
    return {
        "backend": {
            "name": backend.name,
            "device": backend.device,
            "precision": backend.precision,
            "threads": backend.threads,
            "local": options.local,
        },
        "machine": {"system": platform.platform(), "processor": _processor(backend.device)},
        "versions": versions(backend.name, "cv2", "pillow"),
    }


def _processor(device: str) -> str:
    """The name of the GPU or CPU that computed."""
    if device == "cpu":
        return processor_name()
    return choose_devices(device, find_gpus)[0].name


def weights_report(
    weights: Weights, record: WeightsRecord | None, path: Path, check: DigestCheck
) -> dict[str, Any]:
    """The weights and their file, as data."""
    return {
        "name": record.name if record else None,
        "network": weights.network,
        "task": record.task if record else weights.task,
        "scale": record.scale if record else weights.scale,
        "hyperparameters": dict(weights.hyperparameters),
        "origin": record.origin if record else None,
        "paper": record.paper if record else None,
        "licence": record.licence if record else None,
        "url": record.url if record else None,
        "path": str(path),
        **asdict(check.digest),
        "digest_status": check.status,
        "digest_explanation": check.explanation,
    }


def comparison_report(comparison: Comparison, agrees: bool | None) -> dict[str, Any]:
    """One row of the table, as data."""
    psnr, ssim = comparison.differences
    return {
        "protocol": asdict(comparison.measured.protocol),
        "published": asdict(comparison.score) if comparison.score else None,
        "measured": {
            **{key: finite(value) for key, value in comparison.measured.mean().items()},
            "pictures": len(comparison.measured),
            "identical": comparison.measured.identical,
        },
        "difference": {"psnr": finite(psnr), "ssim": finite(ssim)},
        "agrees": agrees,
        "not_comparable": comparison.reason or None,
    }


def sets_report(results: Sequence[tuple[Measurement, Mapping[str, ScoreTable]]]) -> dict[str, Any]:
    """The test sets with their pictures' scores by protocol, as data.

    Several sets are in a list with the key ``sets``; a single set is not in a list.
    """
    reports = [
        {
            "data": data_report(measurement),
            "pictures": {name: pictures_report(table) for name, table in tables.items()},
        }
        for measurement, tables in results
    ]
    return reports[0] if len(reports) == 1 else {"sets": reports}


def pictures_report(table: ScoreTable) -> list[dict[str, Any]]:
    """Every picture's scores, as data."""
    return [
        {"name": name, **{key: finite(value) for key, value in score.items()}}
        for name, score in table.scores.items()
    ]


def data_report(measurement: Measurement) -> dict[str, Any]:
    """One test set, and how many of its pairs were measured, as data."""
    return {
        "folder": str(measurement.folder),
        "pictures": measurement.total,
        "measured": measurement.count,
        "restored_in_tiles": measurement.tiled,
    }
