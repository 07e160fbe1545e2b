"""The page of tables that compare.py writes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

Numbers = Mapping[str, Any]

_INTRODUCTION = """\
# Speed, measured

`benchmarks/compare.py` wrote this page. To measure this project on your machine:

```bash
pip install '.[cpu,onnxruntime,benchmark]'
python benchmarks/compare.py --output speed.md
```

This project's tests do not run the block above: it takes over an hour.

The benchmark also measures PaddleGAN and the authors' code where they are installed
(`python benchmarks/compare.py --help`).

[Speed and memory](performance.md) explains the numbers and has those of other machines.

The tables use these names:

- **lite** is the small MPRNet that comes with this project, here with its weights for deraining
  unless a section names others. **Deraining**, **Denoising** and **Deblurring** are MPRNet in the
  three full sizes that its authors chose for these tasks.
- **NAFNet32** and **NAFNet64** are NAFNet with a width of 32 and 64 channels. **NAFNet32-TLC** is
  NAFNet32 with the test-time local converter (`mprnet --local`), which averages over windows
  instead of the whole picture.
- A **runner** is an implementation of the networks in one library and number format.
- **ours** is this project, which computes in Paddle, ONNX Runtime or OpenVINO.
- **PaddleGAN** and **authors' code** (in PyTorch, by the authors of the networks) are other
  implementations of MPRNet and NAFNet. They run here with the same weights.
- **f32** and **bf16** are the number formats float32 and bfloat16. Runners without either name
  compute in f32.
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
_BUSY = 20.0  # percent of the processor that other programs used, above which it is not idle
_WAYS = {"cold": "`mprnet`, empty cache", "warm": "`mprnet`, full cache", **_RUNNERS}


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; ``header`` separates its columns by ``|``."""
    names = header.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def networks(numbers: Numbers) -> str:
    """Table of all networks for a picture that nearly all our runners restore as a whole."""
    return (
        f"{_networks(numbers)}\nAt 256×256, the only results in tiles are those of NAFNet by"
        " “ours, Paddle”. Each case runs twice, and the shorter time counts.\n"
    )


def _networks(numbers: Numbers) -> str:
    """Table of all networks, sizes and runners: time, memory, share of the limit, agreement."""
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

    rows = []
    for case in cases:
        row = [case["network"], _SIZES[case["size"]], _RUNNERS[case["runner"]]]
        if "exceeded" in case:
            rows.append([*row, f"over {case['exceeded']:.0f}", "", "", ""])
            continue
        agreement = f"{case['psnr']:.0f}" if case.get("psnr") else ""
        seconds, peak = f"{case['seconds']:.2f}", f"{case['peak'] / 1e6:,.0f}"
        rows.append([*row, seconds, peak, share(case), agreement])
    plain = len(cases) < len(numbers["cases"])
    note = (
        " OpenVINO does not compute in bf16 on this processor, so it is shown in f32 only."
        if plain
        else ""
    )
    if any("exceeded" in case for case in cases):
        note += " Runs marked with “over” were stopped after the given number of seconds."
    unit = "thousand million multiply-adds per second"
    reached = " and ".join(f"{most:.0f} {unit} in {name}" for name, most in sorted(limits.items()))
    return (
        "Seconds to restore one picture that is already decoded. Each case runs in its own process,"
        " and the peak is the memory of this whole process: with Python, the libraries, the"
        " weights, and exporting and compiling the network where the runner does so. The"
        " limit is the speed of a matrix product in OpenVINO in the same run and precision:"
        f" {reached}. Multiply-adds are counted as if every convolution were computed directly."
        " Winograd's algorithm needs fewer, so a runner may exceed 100 %."
        " Agreement is the PSNR to the first f32 result for the same network and size."
        " Our runners estimate the working memory, which holds only the network's intermediate"
        " results. If the estimate is above 600 MB, they restore the picture in tiles, and the"
        " result agrees less."
        " All networks except lite have random weights, because the speed does not depend on them."
        f"{note}\n\n" + table("network|size|runner|s|peak MB|of the limit|agreement dB", rows)
    )


def photos(numbers: Numbers) -> str:
    """Table of all networks for a photo that most of our runners restore in tiles."""
    return (
        f"{_networks(numbers)}\nAt 1280×720, all our results are in tiles, with three exceptions,"
        " all in OpenVINO bf16: lite, NAFNet32 and NAFNet32-TLC. Tiles change the results of the"
        " three full-size MPRNets, which have random weights here, a lot. They change the results"
        " of NAFNet little, although its weights are random, too. For MIRNet and MIRNetv2, the"
        " table does not show how much tiles change the results, because the result that the"
        " others are compared with is in tiles, too."
        " [Photographs of any size](performance.md#photographs-of-any-size) states how much they"
        " change the results of the trained lite networks. Each case runs once, so our seconds"
        " include compiling the network (OpenVINO) or loading it (ONNX Runtime), which may take a"
        " few seconds. The networks use averages over the whole picture. For a picture in tiles,"
        " each network is therefore compiled or loaded twice: once to measure these averages,"
        " and once to restore the tiles with them. With TLC, the averages are local, so once is"
        " enough. But a network with TLC is exported for a single size of picture or tile, so"
        " our seconds with TLC include this export. All other"
        " networks are exported for any size, before the time is measured.\n"
    )


def _emulated(case: Numbers) -> bool:
    """Whether f32 was computed instead of bf16: bf16 agrees with f32 to at most about 70 dB."""
    return case["runner"] == "openvino-bf16" and (case.get("psnr") or 0.0) > _EQUAL


def _precision(case: Numbers) -> str:
    return "bf16" if case["runner"].endswith("bf16") else "f32"


def commands(numbers: Numbers) -> str:
    """Table of whole commands, compared with the bare graph."""
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
        "`mprnet` on one picture. Cold: with an empty cache, so the network is exported and"
        " compiled. Warm: the exported and compiled network is in the cache. Bare: only the"
        " compiled network, on the same picture or on its tiles, in a process that has run the"
        " network before. Starting Python and loading NumPy, Pillow and OpenVINO, which no command"
        " can avoid, takes"
        f" {numbers['libraries']:.2f} s.\n\n"
        + table("network|size|cold s|peak MB|warm s|peak MB|bare s|warm minus bare s", rows)
    )


def agreement(numbers: Numbers) -> str:
    """Table of how much bfloat16 and tiles change results."""

    def decibel(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    rows = [
        [
            picture["name"],
            decibel(picture["bf16"], ".1f"),
            decibel(picture["gain"], "+.4f"),
            decibel(picture["tiled"], ".1f"),
            str(picture["tiles"]),
        ]
        for picture in numbers["pictures"]
    ]
    return (
        "The sample pictures restored with the lite network. The columns “bf16” (whole pictures)"
        " and “in tiles of 256” (in float32) are the PSNR in dB, in RGB, to the same picture"
        " restored as a whole in float32. “Gain by bf16” is how many dB bf16 adds to the PSNR"
        " between the restored and the clean picture. The columns about bf16 are empty if the"
        " processor does not compute in it.\n\n"
        + table("picture|bf16|gain by bf16|in tiles of 256|tiles", rows)
    )


def folders(numbers: Numbers) -> str:
    """Table of folders with pictures of many sizes, compared with folders of one size."""
    rows = []
    for case in numbers["cases"]:
        one, mixed = case["one size"], case["mixed"]
        ratios = (f"{mixed[key] / one[key]:.2f}" for key in ("seconds", "processor"))
        spent = (f"{found['seconds']:.1f}, {found['processor']:.1f}" for found in (one, mixed))
        grown = f"{mixed['cache'] / 1e6:.0f}" if "cache" in mixed else ""
        network, _, way = case["label"].rpartition(" ")
        rows.append(
            [f"{network}, {_WAYS[way]}", *spent, *ratios, f"{mixed['peak'] / 1e6:,.0f}", grown]
        )
    return (
        f"The mixed folder has {len(numbers['sizes'])} pictures of different sizes (sides of 200 to"
        " 640 pixels). The other folder has as many pictures of one size, and the same total area."
        " For each folder, the first number is wall seconds and the second processor seconds. Each"
        " ratio is the time of the mixed folder divided by that of the folder of one size. The peak"
        " and the size of the cache are those of the mixed folder. With an empty cache, no network"
        " has been exported or compiled; the full cache is what the run with the empty cache"
        " left.\n\n"
        + table("network|one size s|mixed s|wall ratio|processor ratio|peak MB|cache MB", rows)
    )


def throughput(numbers: Numbers) -> str:
    """Table of the time for folders of photos, compared with its lower bound."""
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
        "`mprnet` on a folder of photos of 1280×720, with lite and its weights for denoising."
        " `--jobs` is the number of pictures processed at the same time. “Network s” is the time"
        " of the compiled network alone for all photos. The bound is the larger of two times: that"
        " of the network, and the processor time of `mprnet` divided by the number of threads. No"
        " schedule can be faster.\n\n"
        + table("photos|--jobs|network s|processor s|bound s|wall s|wall / bound", rows)
    )


def isolation(numbers: Numbers) -> str:
    """Table of the time for decoding in a separate process."""
    rows = []
    for case in numbers["cases"]:
        size, suffix = case["file"].split()
        times = f"{case['here']:.1f}", f"{case['isolated']:.1f}", f"{case['difference']:+.1f}"
        rows.append([f"{_SIZES[size]} {suffix}", *times])
    return (
        "Milliseconds to decode a file in the program itself and in the separate process that"
        " protects it against damaged files; .16.tif is a TIFF with 16 bits per sample. Each round"
        " decodes every file in both ways, one directly after the other. All columns"
        " are medians over the rounds. The last one is the median of the differences within a"
        " round, so it need not equal the difference of the other two.\n\n"
        + table("file|in the program|separate process|difference", rows)
    )


def loading(numbers: Numbers) -> str:
    """Table of the time for reading training patches."""
    kinds = numbers["kinds"]
    readers = [row["reader"] for row in next(iter(kinds.values()))["rows"]]
    rows = []
    for index, reader in enumerate(readers):
        found = [kind["rows"][index] for kind in kinds.values()]
        speeds = (f"{row['milliseconds']:.1f}, {row['samples_per_second']:.1f}" for row in found)
        rows.append([reader, *speeds])
    return (
        "Patches of 256×256 from generated pictures, which have the size and bit depth of the data"
        " set that heads each column. The numbers are milliseconds of processor time per sample,"
        " and samples per second of a loader with one worker. The package isal decompresses PNG"
        " faster than zlib.\n\n" + table("|".join(["reader", *kinds]), rows)
    )


#: Title of each part, and the function that renders its numbers.
TABLES: Mapping[str, tuple[str, Callable[[Numbers], str]]] = {
    "networks": ("Networks at 256×256 here, in PaddleGAN and in the authors' code", networks),
    "photos": ("Networks at 1280×720 here, in PaddleGAN and in the authors' code", photos),
    "commands": ("Whole commands", commands),
    "large": ("A photo of 12 megapixels", commands),
    "agreement": ("Agreement with float32", agreement),
    "folders": ("Folders of many sizes", folders),
    "throughput": ("Folders of photos", throughput),
    "isolation": ("Decoding in isolation", isolation),
    "loading": ("Reading training data", loading),
}


def write_page(measured: Mapping[str, Numbers], scripts: Mapping[str, str], path: Path) -> None:
    """Write the page.

    Args:
        measured: name of a part → its numbers.
        scripts: name of a part → the script in ``benchmarks/`` that measured it.
        path: file of the page.
    """
    parts = [_INTRODUCTION]
    for name, numbers in measured.items():
        title, render = TABLES[name]
        about = f"By `benchmarks/{scripts[name]}` {_machine(numbers)}."
        parts.append(f"## {title}\n\n{about} {render(numbers)}")
    path.write_text("\n".join(parts), encoding="utf-8")


def _machine(numbers: Numbers) -> str:
    """The machine and how busy it was, as the end of a sentence."""
    about = numbers["machine"]
    others = numbers.get("others") or 0.0
    warning = f"; **other programs used {others:.0f} % of the processor**" if others > _BUSY else ""
    if isinstance(about, str):
        return f"on {about}{warning}"
    threads = about["threads"]
    versions = ", ".join(
        f"{name} {value}" for name, value in about.items() if name not in ("threads", "processor")
    )
    return f"on {threads} threads of {about['processor']} ({versions}){warning}"
