"""Measure the cost of decoding in a separate process.

    python benchmarks/isolation.py --rounds 15 --output table.json

Each round reads every file in this process and in a separate one, directly after each other and in
alternating order. The table shows the medians in milliseconds, the median of the differences within
a round, and the mean processor time of both processes together, which depends little on the load of
the machine. Below the table stand the time to start the process, and its resident memory after the
first and the last file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil
from inference import machine, picture

from ppgan_mpr.imaging import PhotoReader, from_array, read_photo, write_photo

SIZES = {"256": (256, 256), "720p": (720, 1280), "12mp": (3000, 4000)}
FORMATS = (".jpg", ".png", ".tif", ".webp", ".16.tif")


def draw(height: int, width: int, path: Path) -> None:
    """Write a picture file that is read later."""
    deep = ".16" in path.name
    pixels = picture(height, width) * (65535 if deep else 255)
    write_photo(from_array(pixels.astype(np.uint16 if deep else np.uint8)), path)


def milliseconds(read, path: Path) -> float:
    """The time that ``read`` takes for a file."""
    started = time.perf_counter()
    read(path)
    return 1000 * (time.perf_counter() - started)


def processor_time(*processes: psutil.Process) -> float:
    """Processor time that processes have used so far, in milliseconds."""
    used = [process.cpu_times() for process in processes]
    return 1000 * sum(times.user + times.system for times in used)


def start_up(path: Path) -> float:
    """Milliseconds to start a new process: the time of its first picture minus that of the next."""
    reader = PhotoReader()
    first = milliseconds(reader.read, path)
    again = milliseconds(reader.read, path)
    reader.close()
    return first - again


def resident(process: psutil.Process) -> int:
    """Resident memory in mebibytes."""
    return process.memory_info().rss >> 20


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write JSON")
    options = parser.parse_args(argv)
    report = {"machine": machine(None), "cases": []}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    reader = PhotoReader()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = {}
        for size in options.sizes:
            for suffix in FORMATS:
                paths[size, suffix] = folder / f"{size}{suffix}"
                draw(*SIZES[size], paths[size, suffix])
        first = next(iter(paths.values()))
        reader.read(first)
        child = psutil.Process().children()[0]
        report["resident_first_mb"] = resident(child)
        taken = {key: ([], []) for key in paths}
        computed = {key: [0.0, 0.0] for key in paths}
        for number in range(options.rounds):
            for key, path in paths.items():
                ways = list(enumerate((read_photo, reader.read)))
                for way, read in ways if number % 2 else reversed(ways):
                    before = processor_time(psutil.Process(), child)
                    taken[key][way].append(milliseconds(read, path))
                    computed[key][way] += processor_time(psutil.Process(), child) - before
        time.sleep(1)  # the process frees a picture only after sending it
        report["resident_last_mb"] = resident(child)
        starts = [start_up(first) for _ in range(options.rounds)]
    print(
        f"{'file':13} {'here ms':>9} {'isolated':>9} {'difference':>11} "
        f"{'CPU here':>9} {'isolated':>9}"
    )
    for (size, suffix), (here, isolated) in taken.items():
        cpu = [total / options.rounds for total in computed[size, suffix]]
        difference = statistics.median(b - a for a, b in zip(here, isolated))
        row = {
            "file": f"{size} {suffix}", "here": statistics.median(here),
            "isolated": statistics.median(isolated), "difference": difference,
            "cpu_here": cpu[0], "cpu_isolated": cpu[1],
        }  # fmt: skip
        report["cases"].append(row)
        print(
            f"{row['file']:13} {row['here']:9.1f} {row['isolated']:9.1f} {difference:+11.1f} "
            f"{cpu[0]:9.1f} {cpu[1]:9.1f}"
        )
    report["start"] = statistics.median(starts)
    print(f"starting the process once: {report['start']:.0f} ms")
    print(f"its memory: {report['resident_first_mb']} MB, then {report['resident_last_mb']} MB")
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
