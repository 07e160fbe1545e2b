"""Writes the numbers that results.py has measured as a page with plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Numbers = Mapping[str, Any]

_INTRODUCTION = """\
# Results

Written by `benchmarks/results.py`. Every score names its [protocol](metrics.md): how it was
measured. A protocol such as `gopro` has the name of a data set, but scores any pictures. Run
the script on your own pictures:

```bash
pip install '.[cpu,benchmark]'
python benchmarks/results.py PAIRS --output results.md
```

This project's tests do not run the block above: it takes hours.

## Measured here

Lite weights and classical methods on public pairs. PSNR in dB, SSIM, and seconds for one picture
in one run after a warm-up run. Each classical method ran with several values of its parameter. The
best score on each folder counts. This favours the classical methods: their best value can be found
only with the clean pictures, which you do not have when you restore a real photo. The noise is
estimated by scikit-image's `estimate_sigma`. Wiener deconvolution assumes a Gaussian blur, because
the path of the camera is unknown.
"""

_COLUMNS = 2  # of panels in a plot

_NOT_MEASURED = """\
## Not measured

- **Published weights on these pairs**: they would have to be downloaded.
  `--weights published:Denoising` adds such weights.
- **BM3D**: its licence is for non-commercial use only. `--bm3d` adds it if it is installed.
- **Classical deraining**: the libraries have no method for rain, so denoisers stand in for it.
"""


def write_page(numbers: Numbers, path: Path) -> None:
    """Write the page, and its plots to ``images/`` next to it."""
    images = path.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    measured = [folder for folder in numbers["folders"] if len(folder["rows"]) > 1]
    parts = [_INTRODUCTION, _machine(numbers)]
    if measured:
        plot_folders(measured, images / "results_measured.svg")
        plot = "![PSNR gained, over seconds per megapixel](images/results_measured.svg)\n"
        parts += [plot, *map(_folder, measured)]
    parts.append(_published(numbers["seconds"]))
    if numbers["seconds"]:
        plot_networks(numbers["seconds"], images / "results_published.svg")
        parts.append("![Published PSNR over the measured seconds](images/results_published.svg)\n")
    left = [folder for folder in numbers["folders"] if len(folder["rows"]) == 1]
    parts.append(_NOT_MEASURED + "".join(map(_unmeasured, left)))
    path.write_text("\n".join(parts), encoding="utf-8")


def _machine(numbers: Numbers) -> str:
    about = dict(numbers["machine"])
    threads = about.pop("threads")
    # The seconds of one processor in the two precisions differ by a factor of about two.
    precision = "in bfloat16" if numbers["bf16"] else "in float32 (no instructions for bfloat16)"
    line = f"On {threads} threads of {about.pop('processor')}, {precision}, "
    line += ", ".join(f"{name} {version}" for name, version in about.items())
    load = numbers["load"]
    if load > 2 * threads:
        line += (
            f". **The machine was busy (load average {load:.0f}), so the seconds are too long**, "
            "and only rough ratios between them are meaningful"
        )
    return line + ".\n"


def _folder(folder: Numbers) -> str:
    remark = ", which the lite weights were trained on" if folder["trained_on"] else ""
    lines = [
        f"### {folder['task']}: {folder['name']}",
        "",
        f"{folder['count']} pairs{remark}. Protocol: `{folder['protocol']}`.",
        "",
        "| method | PSNR | SSIM | seconds | parameter |",
        "|---|---|---|---|---|",
    ]
    top = max(row["psnr"] for row in folder["rows"])
    for row in folder["rows"]:
        bold = "**" if row["psnr"] == top else ""
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.2g}"
        lines.append(
            f"| {row['name']} | {bold}{row['psnr']:.2f}{bold} | {row['ssim']:.4f} | {seconds} | "
            f"{row.get('parameter', '')} |"
        )
    return "\n".join(lines) + "\n"


def _unmeasured(folder: Numbers) -> str:
    return (
        f"- **{folder['task']} ({folder['name']})**: there are no lite weights for it, and no "
        "classical method to compare with.\n"
    )


def _published(seconds: Sequence[Numbers]) -> str:
    """The table of published scores, with seconds if they were measured."""
    known = {(row["name"], row["local"]): row["seconds"] for row in seconds}
    times = (
        "Seconds are for 256×256 pixels, measured here with random weights of the same size, which "
        "take the\nsame time."
        if seconds
        else "Their seconds have not been measured: `--seconds` does that on an idle machine."
    )
    lines = [
        "## Published",
        "",
        "Scores that authors and PaddleGAN report for full-size weights, each by its protocol.",
        "Scores by different protocols cannot be compared. `mprnet-verify` measures these weights",
        "again on your copy of the data set. Scores marked “not checked” are said to be the",
        "paper's, but have not been compared with it.",
        "",
        "`authors:` marks files of the authors of MPRNet, MIRNet and NAFNet, which you download",
        "yourself. `published:` marks weights that the program downloads: of MPRNet, MIRNet-v2 and",
        "NAFNet ([weights](weights.md)).",
        times,
        "",
        "| weights | test set | PSNR | SSIM | protocol | reported by | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, score in _published_scores():
        ssim = "" if score.ssim is None else f"{score.ssim:.4f}".removesuffix("0")
        local = ", with TLC" if score.local else ""
        time = f"{known[name, score.local]:.2g}" if known else ""
        lines.append(
            f"| {name} | {score.dataset} | {score.psnr:.2f} | {ssim} | {score.protocol}{local} | "
            f"{score.source} | {time} |"
        )
    return "\n".join(lines) + "\n"


def _published_scores() -> Iterator[tuple[str, Any]]:
    from ppgan_mpr.networks import weights_records

    for record in weights_records():
        for score in record.scores:
            if score.source != "measured":
                yield record.name, score


def _title(name: str) -> str:
    """Network and name of weights."""
    from ppgan_mpr.networks import find_network, weights_records

    network = next(record.network for record in weights_records() if record.name == name)
    return f"{find_network(network).title} {name}"


def plot_folders(folders: Sequence[Numbers], path: Path) -> None:
    """Plot the gain over the input against seconds per megapixel, a panel for each task."""
    tasks = list(dict.fromkeys(folder["task"] for folder in folders))
    figure, axes = _panels(len(tasks))
    for axis, task in zip(axes, tasks):
        names: dict[str, list[tuple[float, float]]] = {}
        for folder in (folder for folder in folders if folder["task"] == task):
            if folder["trained_on"]:
                continue
            degraded, *rows = folder["rows"]
            for row in rows:
                pace = row["seconds"] * 1e6 / folder["pixels"]
                names.setdefault(row["name"], []).append((pace, row["psnr"] - degraded["psnr"]))
        for name, points in names.items():
            axis.scatter(*zip(*points), label=name, s=28)
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set(title=task, ylabel="dB over input")
        _finish(axis, "seconds per megapixel")
    _save(figure, path)


def plot_networks(seconds: Sequence[Numbers], path: Path) -> None:
    """Plot published PSNR against seconds, a panel for each test set with several networks."""
    known = {(row["name"], row["local"]): row["seconds"] for row in seconds}
    sets: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    for name, score in _published_scores():
        sets.setdefault((score.dataset, score.protocol), []).append((name, score))
    panels = {key: scores for key, scores in sets.items() if len(scores) > 1}
    figure, axes = _panels(len(panels))
    for axis, ((dataset, protocol), scores) in zip(axes, panels.items()):
        for name, score in scores:
            label = _title(name) + (" with TLC" if score.local else "")
            axis.scatter(known[name, score.local], score.psnr, label=label, s=28)
        axis.set(title=f"{dataset} [{protocol}]", ylabel="published PSNR in dB")
        _finish(axis, "seconds for 256×256")
    _save(figure, path)


def _panels(count: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("svg")
    # Keeps ids and texts the same in every run.
    matplotlib.rcParams.update({"svg.hashsalt": "results", "svg.fonttype": "none"})
    from matplotlib import pyplot

    rows = -(-count // _COLUMNS)
    size = 4.6 * _COLUMNS, 4.4 * rows
    figure, axes = pyplot.subplots(rows, _COLUMNS, figsize=size, squeeze=False)
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, axes.flat[:count]


def _finish(axis: Any, seconds: str) -> None:
    """Scale the seconds logarithmically, in plain numbers, and list the names below the panel."""
    from matplotlib import ticker

    places = [place for points in axis.collections for place, _ in points.get_offsets()]
    limits = min(places) / 1.6, max(places) * 1.6
    axis.set(xscale="log", xlim=limits, xlabel=seconds)
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    axis.margins(y=0.15)
    axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
