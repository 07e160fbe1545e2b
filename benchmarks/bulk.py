"""Measure memory and throughput of a bulk job of thumbnails, compared with single processes.

First, one mprnet process for each core restores its share of the pictures. Then mprnet-bulk
restores all of them with the same number of single-core workers. Memory is sampled during the job:
that of the driver and of every process that it started.

    python benchmarks/bulk.py --pictures 20000
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from cluster_samples import TASK, files_below, write_pictures  # noqa: E402

from ppgan_mpr.dependencies import cpu_count  # noqa: E402

FLAGS = ["--task", TASK, "--model", "lite", "--threads", "1"]
# Environment variable that marks the processes of a measurement, as Ray's processes are not
# children of the driver.
MARK = "PPGAN_MPR_BENCHMARK"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20000)
    parser.add_argument("--side", type=int, default=96, help="side of a picture in pixels")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bulk-benchmark-"))
    cores = cpu_count()
    try:
        for core in range(cores):
            write_pictures(folder / "in" / str(core), options.pictures // cores, options.side)
        single, single_cpu = time_processes(folder, cores)
        bulk, bulk_cpu = time_bulk(folder)
        same = compare(folder)
    finally:
        shutil.rmtree(folder)
    count = options.pictures // cores * cores
    print(f"{count} pictures of {options.side}x{options.side} on {cores} cores")
    print(
        f"{cores} mprnet processes: {single:.1f} s, {count / single:.2f} pictures/s, "
        f"{single_cpu:.0f} s of CPU"
    )
    print(
        f"mprnet-bulk: {bulk:.1f} s, {count / bulk:.2f} pictures/s, "
        f"{single / bulk:.0%} of the speed of the mprnet processes, {bulk_cpu:.0f} s of CPU"
    )
    print(f"{same} outputs are the same")
    return 0


def time_processes(folder: Path, cores: int) -> tuple[float, float]:
    """Seconds and CPU seconds of mprnet processes that share the pictures."""
    command = [sys.executable, "-m", "ppgan_mpr.commands.restore"]
    # The first run exports and compiles the network, which is not measured.
    subprocess.run(
        [*command, str(next((folder / "in" / "0").iterdir())), "-o", str(folder / "warm"), *FLAGS],
        check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    began, before = time.monotonic(), _cpu_of_children()
    processes = [
        subprocess.Popen(
            [*command, str(folder / "in" / str(core)), "-o", str(folder / f"out{core}"), *FLAGS],
            stdout=subprocess.DEVNULL, cwd=ROOT,
        )
        for core in range(cores)
    ]  # fmt: skip
    assert all(process.wait() == 0 for process in processes)
    return time.monotonic() - began, _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = os.times()
    return used.children_user + used.children_system


def time_bulk(folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of mprnet-bulk from start to end."""
    mark = uuid.uuid4().hex
    began = time.monotonic()
    command = [sys.executable, "-m", "ppgan_mpr.commands.bulk", str(folder / "in")]
    driver = subprocess.Popen(
        [*command, str(folder / "bulk"), "--recursive", *FLAGS],
        cwd=ROOT, env={**os.environ, MARK: mark},
    )  # fmt: skip
    shown = 0.0
    cpu: dict[int, float] = {}
    while driver.poll() is None:
        sizes = sample(mark, cpu)
        if time.monotonic() >= shown:
            shown = time.monotonic() + 30
            done = sum(1 for _ in (folder / "bulk").rglob("*_restoration*"))
            print(f"{time.monotonic() - began:.0f} s, {done} outputs so far: {sizes}", flush=True)
        time.sleep(5)
    assert driver.returncode == 0
    return time.monotonic() - began, sum(cpu.values())


def sample(mark: str, cpu: dict[int, float]) -> str:
    """Memory of the marked processes by kind, without shared memory, as text.

    Args:
        mark: value of the variable MARK in the processes' environment.
        cpu: id of a process → its CPU seconds; updated.
    """
    kinds = {"driver": 0, "restoring": 0, "Ray": 0}
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) != mark:
                continue
            line = " ".join(process.cmdline())
            private = process.memory_info().rss - process.memory_info().shared
            cpu[process.pid] = sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
        kind = "Ray"
        kind = "driver" if "ppgan_mpr.commands.bulk" in line else kind
        kind = "restoring" if "cluster.restoring" in line else kind
        kinds[kind] += private >> 20
    return ", ".join(f"{kind} {size} MB" for kind, size in kinds.items())


def compare(folder: Path) -> int:
    """Check that both ways gave the same outputs; returns their number."""
    bulk = files_below(folder / "bulk" / TASK)
    for part in folder.glob("out*"):
        core = part.name.removeprefix("out")
        single = files_below(part / TASK)
        assert single == {name: bulk.pop(f"{core}/{name}") for name in single}
    assert not bulk
    return sum(1 for _ in (folder / "bulk" / TASK).rglob("*_restoration*"))


if __name__ == "__main__":
    sys.exit(main())
