"""Measure networks and classical methods on pairs of pictures; write a page like docs/results.md.

    python benchmarks/results.py PAIRS --output results.md
    python benchmarks/results.py my_photos --task Denoising --output mine.md
    python benchmarks/results.py PAIRS --seconds --output results.md

PAIRS holds a folder for each task (``denoising``, …) with folders of pairs, each with ``input``
and ``target``. With --task, PAIRS itself holds ``input`` and ``target``. The plots are written to
``images/`` next to the page. Each picture is timed only once, after a warm-up run, so keep the
machine idle.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from classical import BM3D, METHODS, Method
from inference import has_bf16, machine
from results_page import write_page

Restore = Callable[[np.ndarray], np.ndarray]
Pair = tuple[np.ndarray, np.ndarray]

# Task → protocol of its scores, if that is not the whole picture in RGB.
PROTOCOLS = {"Deraining": "rain-y"}


def folders_of(root: Path, task: str | None) -> Iterator[tuple[str, Path]]:
    """The tasks and their folders of pairs."""
    from ppgan_mpr.networks import tasks

    known = {name.lower(): name for name in tasks()}
    if task:
        yield known[task.lower()], root
        return
    for folder in sorted(root.iterdir()):
        if folder.name.lower() in known:
            for source in sorted(folder.iterdir()):
                if (source / "input").is_dir():
                    yield known[folder.name.lower()], source


def pairs_in(folder: Path, limit: int | None) -> list[Pair]:
    """The pairs of degraded and clean pictures in a folder, [H, W, 3] uint8 each."""
    from PIL import Image

    from ppgan_mpr.imaging.pairing import match_by_stem

    groups = match_by_stem([folder / "input", folder / "target"]).groups.values()
    return [
        tuple(np.asarray(Image.open(path).convert("RGB")) for path in group)  # type: ignore[misc]
        for group in list(groups)[:limit]  # a group is a pair, which mypy cannot know
    ]


def measure(restore: Restore, pairs: list[Pair], protocol: str) -> dict[str, float]:
    """Mean scores and seconds of a method."""
    from ppgan_mpr.metrics import get_protocol, mean_psnr

    scores, seconds = [], 0.0
    warm: set[tuple[int, ...]] = set()
    for degraded, clean in pairs:
        if degraded.shape not in warm:  # a network is compiled for each size
            restore(degraded)
            warm.add(degraded.shape)
        started = time.perf_counter()
        restored = restore(degraded)
        seconds += time.perf_counter() - started
        scores.append(get_protocol(protocol).score(restored, clean))
    return {
        "psnr": mean_psnr([score["psnr"] for score in scores]),
        "ssim": float(np.mean([score["ssim"] for score in scores])),
        "seconds": seconds / len(pairs),
    }


def best(method: Method, pairs: list[Pair], protocol: str) -> dict[str, Any]:
    """The scores of a classical method with the value of its parameter that scores best."""
    rows = []
    for value in method.values:

        def restore(picture: np.ndarray, value: float = value) -> np.ndarray:
            return method.run(picture, value)

        row = measure(restore, pairs, protocol)
        rows.append({**row, "parameter": method.parameter.format(value)})
    return {**max(rows, key=lambda row: row["psnr"]), "name": method.name, "kind": "classical"}


def on_folder(task: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Everything that can be measured on one folder of pairs."""
    from ppgan_mpr import Predictor
    from ppgan_mpr.networks import find_network, weights_records

    protocol = PROTOCOLS.get(task, "gopro")
    pairs = pairs_in(folder, options.limit)
    rows = [{**measure(lambda picture: picture, pairs, protocol), "name": "input", "kind": ""}]
    rows[0]["seconds"] = None
    names = [r.name for r in weights_records() if r.task == task and r.resource]
    names += [name for name in options.weights if name.split(":")[1:2] == [task]]
    for name in names:
        predictor = Predictor(None, name, task=task, progress=False)
        title = f"{find_network(predictor.network).title} {name}"
        row = measure(predictor.restore, pairs, protocol)
        rows.append({**row, "name": title, "kind": "network"})
    for method in (*METHODS.get(task, ()), *([BM3D] if options.bm3d else [])):
        rows.append(best(method, pairs, protocol))
    height, width = np.mean([clean.shape[:2] for _, clean in pairs], axis=0)
    return {
        "task": task,
        "name": folder.name,
        "count": len(pairs),
        "pixels": height * width,
        "protocol": protocol,
        "trained_on": folder.name in options.trained_on,
        "rows": rows,
    }


def seconds_of_networks(side: int) -> Iterator[dict[str, Any]]:
    """Seconds of every network with random weights for one picture; with TLC if a score uses it."""
    from ppgan_mpr.inference import Cache, Model, Restorer
    from ppgan_mpr.networks import find_network, weights_records

    known: dict[tuple[str, str, bool], float] = {}
    for record in weights_records():
        spec = find_network(record.network)
        for local in sorted({score.local for score in record.scores}):
            size = record.network, str(sorted(record.hyperparameters.items())), local
            if size not in known:

                def build(spec: Any = spec, record: Any = record) -> Any:
                    network = spec.build(record.hyperparameters)
                    network.eval()
                    return network

                channels = spec.input_channels(record.hyperparameters)
                model = Model(str(size), spec, build, Cache(None), channels=channels, local=local)
                restorer = Restorer(model)
                picture = np.random.default_rng(0).random((side, side, channels), np.float32)
                restorer(picture)
                started = time.perf_counter()
                restorer(picture)
                known[size] = time.perf_counter() - started
            yield {"name": record.name, "local": local, "seconds": known[size]}


def measured(numbers: dict[str, Any], options: argparse.Namespace) -> Iterator[str]:
    """Measure what the options ask for and add it to ``numbers``; yields the name of each part."""
    for task, folder in folders_of(options.pairs, options.task):
        numbers["folders"].append(on_folder(task, folder, options))
        yield f"{task}: {folder}"
    if options.seconds:
        for row in seconds_of_networks(256):
            numbers["seconds"].append(row)
            yield row["name"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("pairs", type=Path, nargs="?", help="folder of pairs")
    add("--task", help="PAIRS itself holds input and target of this task")
    add("--output", type=Path, default=Path("results.md"), help="page (default: %(default)s)")
    add("--limit", type=int, help="use the first N pictures of each folder")
    add("--weights", nargs="*", default=[], metavar="NAME", help="further weights of the catalogue")
    add("--trained-on", nargs="*", default=[], metavar="FOLDER",
        help="names of folders that the lite weights were trained on")  # fmt: skip
    add("--bm3d", action="store_true", help="also BM3D: pip install bm3d, non-commercial licence")
    add("--seconds", action="store_true", help="measure the time of every network; takes minutes")
    add("--save", type=Path, metavar="FILE", help="write the numbers as JSON")
    add("--load", type=Path, metavar="FILE", help="write the page from saved numbers")
    options = parser.parse_args(argv)
    if options.load:
        numbers = json.loads(options.load.read_text(encoding="utf-8"))
    elif options.pairs is None:
        parser.error("name a folder of pairs")
    else:
        numbers = {
            "machine": machine(None), "bf16": has_bf16(), "load": 0.0, "folders": [], "seconds": [],
        }  # fmt: skip
        for finished in measured(numbers, options):
            print(finished, file=sys.stderr, flush=True)
            numbers["load"] = max(numbers["load"], os.getloadavg()[0])
            if options.save:
                options.save.write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    write_page(numbers, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
