"""Writes what compare.py has measured as a page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

Numbers = Mapping[str, Any]

_INTRODUCTION = """\
# Speed, measured

Written by `benchmarks/compare.py`, which measures all of it again on your machine:

    pip install '.[cpu,onnxruntime,benchmark]'
    python benchmarks/compare.py --output speed.md

What the columns mean for you, and figures of other machines: [speed and memory](performance.md).
"""
_SIZES = {"256": "256×256", "720p": "1280×720", "12mp": "12 megapixels", "100mp": "100 megapixels"}
_RUNNERS = {
    "ppgan": "PaddleGAN, Paddle",
    "torch": "authors' code, PyTorch eager",
    "torch-bf16": "authors' code, PyTorch bf16 channels-last",
    "paddle": "ours, Paddle",
    "onnxruntime": "ours, ONNX Runtime",
    "openvino-f32": "ours, OpenVINO f32",
    "openvino-bf16": "ours, OpenVINO bf16",
}
_EQUAL = 100.0  # dB above which two results were computed in the same precision
_BUSY = 0.5  # load average for each thread above which a machine is not idle


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; ``header`` separates its columns by ``|``."""
    names = header.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def networks(numbers: Numbers) -> str:
    """Every network, size and runner beside the arithmetic limit of its precision."""
    cases = [case for case in numbers["cases"] if not _emulated(case)]
    limits: dict[str, float] = {}
    work: dict[tuple[str, str], float] = {}  # thousand millions of multiply-adds
    for case in cases:
        if "limit" in case:
            precision = _precision(case)
            limits[precision] = max(limits.get(precision, 0.0), case["limit"])
            work[case["network"], case["size"]] = case["multiply_adds"] * case["seconds"]

    def share(case: Numbers) -> str:
        key = case["network"], case["size"]
        limit = limits.get(_precision(case))
        return f"{work[key] / case['seconds'] / limit:.0%}" if key in work and limit else ""

    rows = [
        [
            case["network"],
            _SIZES[case["size"]],
            _RUNNERS[case["runner"]],
            f"{case['seconds']:.2f}",
            f"{case['peak'] / 1e6:,.0f}",
            share(case),
            f"{case['psnr']:.0f}" if case.get("psnr") else "",
        ]
        for case in cases
    ]
    plain = len(cases) < len(numbers["cases"])
    note = " This processor does not compute in bf16, so f32 stands for both." if plain else ""
    reached = " and ".join(f"{most:.0f} in {name}" for name, most in sorted(limits.items()))
    return (
        "Seconds and peak memory of one picture in memory, in a process of its own. The limit is"
        f" what a matrix product in OpenVINO reached in the same run: {reached} (thousand million"
        " multiply-adds a second); each runner is compared with that of its precision. The limit is"
        " for convolutions computed as they are written: Winograd's form multiplies less and may"
        " exceed 100 %. Agreement is the PSNR to the first row of the same picture. Full-size"
        f" networks have random weights, on which speed does not depend.{note}\n\n"
        + table("network|size|runner|s|peak MB|of the limit|agreement dB", rows)
    )


def _emulated(case: Numbers) -> bool:
    """Whether bf16 was asked for and f32 computed: real bf16 agrees to at most some 70 dB."""
    return case["runner"] == "openvino-bf16" and (case.get("psnr") or 0.0) > _EQUAL


def _precision(case: Numbers) -> str:
    return "bf16" if case["runner"].endswith("bf16") else "f32"


def commands(numbers: Numbers) -> str:
    """Whole commands beside the bare graph."""
    rows = [
        [
            case["network"],
            _SIZES[case["size"]],
            f"{case['cold']:.1f}",
            f"{case['cold_peak'] / 1e6:,.0f}",
            f"{case['warm']:.2f}",
            f"{case['peak'] / 1e6:,.0f}",
            f"{case['bare']:.2f}",
            f"{case['warm'] - case['bare']:.2f}",
        ]
        for case in numbers["cases"]
    ]
    return (
        "`mprnet` on one picture. Cold: with an empty cache, so that the network is exported and"
        " compiled. Bare: nothing but the compiled graph on the same tiles.\n\n"
        + table("network|size|cold s|peak MB|warm s|peak MB|bare s|warm over bare s", rows)
    )


def folders(numbers: Numbers) -> str:
    """A folder of many sizes of picture beside one of one size."""
    rows = []
    for case in numbers["cases"]:
        one, mixed = case["one size"], case["mixed"]
        ratios = (f"{mixed[key] / one[key]:.2f}" for key in ("seconds", "processor"))
        spent = (f"{found['seconds']:.1f}, {found['processor']:.1f}" for found in (one, mixed))
        grown = f"{mixed['cache'] / 1e6:.0f}" if "cache" in mixed else ""
        rows.append([case["label"], *spent, *ratios, f"{mixed['peak'] / 1e6:,.0f}", grown])
    return (
        f"{len(numbers['sizes'])} pictures of as many sizes between 200 and 640 pixels, and as many"
        " of one size with the same area in all: wall and processor seconds, and how many times as"
        " long the mixed folder takes by either. Cold is with an empty cache of networks, warm with"
        " that of the run before.\n\n"
        + table("network|one size s|mixed s|wall|processor|peak MB|cache MB", rows)
    )


def throughput(numbers: Numbers) -> str:
    """Folders of photos beside what bounds their time."""
    rows = []
    for case in numbers["cases"]:
        wall, used = (
            statistics.median(run[key] for run in case["runs"]) for key in ("wall", "processor")
        )
        seconds = (f"{value:.1f}" for value in (case["graph"], used, case["bound"], wall))
        rows.append(
            [f"{case['count']} {case['format']}", case["jobs"], *seconds]
            + [f"{wall / case['bound']:.2f}"]
        )
    return (
        "A folder of photos of 1280×720 with the small weights. No order of work is faster than"
        " the bound: the time of the graph alone, or the processor time divided by the cores.\n\n"
        + table("photos|--jobs|graph s|processor s|bound s|wall s|wall beside bound", rows)
    )


def isolation(numbers: Numbers) -> str:
    """Decoding in a process of its own."""
    rows = [
        [
            case["file"],
            f"{case['here']:.1f}",
            f"{case['isolated']:.1f}",
            f"{case['difference']:+.1f}",
        ]
        for case in numbers["cases"]
    ]
    return (
        "Milliseconds to decode a file here and in the process that guards against damaged files;"
        " the difference is the median of pairs.\n\n" + table("file|here|isolated|difference", rows)
    )


def loading(numbers: Numbers) -> str:
    """Training patches from the data sets' kinds of pictures."""
    kinds = numbers["kinds"]
    readers = [row["reader"] for row in next(iter(kinds.values()))["rows"]]
    rows = []
    for index, reader in enumerate(readers):
        found = [kind["rows"][index] for kind in kinds.values()]
        speeds = (f"{row['milliseconds']:.1f}, {row['samples_per_second']:.1f}" for row in found)
        rows.append([reader, *speeds])
    return (
        "Patches of 256×256 from generated pictures of the sets' size and depth: milliseconds of"
        " processor time a sample, and samples a second of a loader with one worker.\n\n"
        + table("|".join(["reader", *kinds]), rows)
    )


#: Title of each part, and what renders its numbers.
TABLES: Mapping[str, tuple[str, Callable[[Numbers], str]]] = {
    "networks": ("Networks and their peers", networks),
    "commands": ("Whole commands", commands),
    "folders": ("Folders of many sizes", folders),
    "throughput": ("Folders of photos", throughput),
    "isolation": ("Decoding in isolation", isolation),
    "loading": ("Reading training data", loading),
}


def write_page(measured: Mapping[str, Numbers], scripts: Mapping[str, str], path: Path) -> None:
    """Write the page.

    Args:
        measured: the numbers of each part.
        scripts: the file that measured it.
        path: of the page.
    """
    parts = [_INTRODUCTION]
    for name, numbers in measured.items():
        title, render = TABLES[name]
        about = f"By `benchmarks/{scripts[name]}` {_machine(numbers)}."
        parts.append(f"## {title}\n\n{about} {render(numbers)}")
    path.write_text("\n".join(parts), encoding="utf-8")


def _machine(numbers: Numbers) -> str:
    """Where and how busy, as the end of a sentence."""
    about = numbers["machine"]
    if isinstance(about, str):
        return f"on {about}"
    threads = about["threads"]
    versions = ", ".join(
        f"{name} {value}" for name, value in about.items() if name not in ("threads", "processor")
    )
    load = numbers.get("load")
    busy = load is not None and load > _BUSY * threads
    warning = f"; **the machine was busy (load average {load:.1f})**" if busy else ""
    return f"on {threads} threads of {about['processor']} ({versions}){warning}"
