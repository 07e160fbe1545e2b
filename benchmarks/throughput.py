"""Compare the time of the whole command on a folder of photos with its lower bound.

    python benchmarks/throughput.py --count 100 --size 720p --rounds 3 --output table.json

Each round restores the folder with every value of ``--jobs``, in changing order, with the networks
in the cache. The graph, which is the compiled network, is measured in a process of its own: the
tiles of a photo and nothing else. The lower bound is the larger of the graph's time and the
processor time divided by the number of cores. The last column is the wall time divided by the
bound. The medians of the rounds are printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from commands import SIZES, in_process, timed
from inference import aside, machine, picture

from ppgan_mpr.dependencies import cpu_count

_SCRIPT = Path(__file__).resolve().parent.parent / "applications" / "tools" / "mprnet.py"


def draw(height: int, width: int, count: int, suffix: str, folder: Path) -> None:
    """Write photos of one size, each with different pixels."""
    from ppgan_mpr.imaging import from_array, write_photo

    pixels = (picture(height, width) * 255).astype(np.uint8)
    folder.mkdir()
    for number in range(count):
        shifted = np.roll(pixels, 13 * number, (0, 1))
        write_photo(from_array(shifted), folder / f"{number:04}{suffix}")


def command(folder: Path, home: Path, task: str, jobs: str) -> dict[str, float]:
    """Wall and processor seconds of one run over the folder, its decoders included."""
    line = [sys.executable, str(_SCRIPT), str(folder), "--task", task, "--model", "lite",
            "--device", "cpu", "--overwrite", "-o", str(home / "out")]  # fmt: skip
    line += [] if jobs == "default" else ["--jobs", jobs]
    found = timed(line, home / "cache")
    return {"wall": found["seconds"], "processor": found["processor"]}


def graph_seconds(photo: Path, home: Path) -> float:
    """Seconds of the tiles of one photo in the compiled graph."""
    case = {
        "weights": "lite:Denoising", "cache": str(home / "cache" / "networks"),
        "photo": str(photo), "repeat": 1,
    }  # fmt: skip
    return in_process(case)["bare"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--count", type=int, default=100, help="photos in the folder (default: %(default)s)")
    add("--size", choices=tuple(SIZES), default="720p")
    add("--formats", nargs="+", default=[".jpg", ".png"], metavar="SUFFIX")
    add("--jobs", nargs="+", default=["1", "default"], metavar="N")
    add("--rounds", type=int, default=3)
    add("--output", type=Path, metavar="FILE", help="write JSON")
    options = parser.parse_args(argv)
    report: dict = {"machine": machine(None), "cores": cpu_count(), "cases": []}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(
        f"{'photos':>7} {'graph s':>8} {'jobs':>8} {'wall s':>7} {'cpu s':>7} {'bound s':>8} ratio"
    )
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        for suffix in options.formats:
            folder = home / suffix[1:]
            draw(*SIZES[options.size], options.count, suffix, folder)
            first = next(folder.iterdir())
            command(first, home, "Denoising", "1")  # fills the cache
            graph = options.count * aside(graph_seconds, first, home)
            runs: dict[str, list[dict[str, float]]] = {jobs: [] for jobs in options.jobs}
            for number in range(options.rounds):
                for jobs in options.jobs[:: -1 if number % 2 else 1]:
                    runs[jobs].append(command(folder, home, "Denoising", jobs))
            for jobs, found in runs.items():
                wall, used = (statistics.median(run[key] for run in found) for key in found[0])
                bound = max(graph, used / cpu_count())
                print(
                    f"{options.count:4}{suffix:3} {graph:8.1f} {jobs:>8} {wall:7.1f} {used:7.1f} "
                    f"{bound:8.1f} {wall / bound:5.2f}",
                    flush=True,
                )
                case = {"format": suffix, "jobs": jobs, "graph": graph, "bound": bound}
                report["cases"].append({**case, "count": options.count, "runs": found})
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
