"""Long and simultaneous runs: ten thousand pictures in one folder, and two programs in another."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image
from soak_faults import Workplace, read_files
from soak_runs import mprnet, watch

_GROWTH = 64 << 20  # bytes that a run may grow by between its second and its last tenth
_SLOWER = 1.5  # maximum ratio of the times, on a machine that others use as well


@dataclass
class Load:
    """Measurements of a long run in its second and in its last tenth.

    Attributes:
        pictures: number of restored pictures.
        seconds: time for a tenth of the pictures.
        memory: memory of the process in bytes.
        handles: number of open files.
    """

    pictures: int
    seconds: tuple[float, float]
    memory: tuple[int, int]
    handles: tuple[int, int]

    @property
    def flat(self) -> bool:
        """Whether time, memory and the number of open files have stayed about the same."""
        return (
            self.seconds[1] < _SLOWER * self.seconds[0]
            and self.memory[1] < self.memory[0] + _GROWTH
            and self.handles[1] <= self.handles[0] + 2
        )

    def table(self) -> str:
        """The measurements as Markdown."""
        return "\n".join([
            f"| {self.pictures} pictures | second tenth | last tenth |", "|---|---|---|",
            f"| seconds | {self.seconds[0]:.1f} | {self.seconds[1]:.1f} |",
            f"| memory, MB | {self.memory[0] >> 20} | {self.memory[1] >> 20} |",
            f"| open files | {self.handles[0]} | {self.handles[1]} |",
        ])  # fmt: skip


def many_pictures(count: int, folder: Path, home: Path) -> Load:
    """Restore ``count`` tiny pictures in one folder and measure the program meanwhile.

    Args:
        count: number of pictures.
        folder: for everything but the cache.
        home: folder of the cache.
    """
    sources = folder / "photos"
    sources.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (8, 8), (number % 256, 80, 90)).save(sources / f"{number:05}.png")
    seen: list[tuple[int, int, int]] = []  # lines, memory, open files
    lines = 0

    def on_line(_: object, number: int) -> None:
        nonlocal lines
        lines = number

    def sample(process: psutil.Process) -> None:
        seen.append((lines, process.memory_info().rss, process.num_fds()))

    command = mprnet(sources, "-o", folder / "out")
    run = watch(command, home, on_line=on_line, sample=sample)
    if run.code or f"{count} restored" not in run.text:
        raise RuntimeError(run.text[-2000:])
    when = [moment for moment, line in run.lines if " -> " in line]
    tenth = count // 10
    spans = ((tenth, 2 * tenth), (count - tenth, count))
    within = [[row for row in seen if low <= row[0] <= high] for low, high in spans]
    shutil.rmtree(folder)
    return Load(
        count,
        (when[2 * tenth - 1] - when[tenth], when[-1] - when[count - tenth]),
        (max(row[1] for row in within[0]), max(row[1] for row in within[1])),
        (max(row[2] for row in within[0]), max(row[2] for row in within[1])),
    )


def two_programs(place: Workplace, folder: Path, warm: bool) -> list[str]:
    """Restore one folder with two programs at once; returns the problems.

    Args:
        place: the sources and their undisturbed results.
        folder: for the results and the empty cache.
        warm: use the cache of the place; otherwise both also export and compile the network.
    """
    expected = place.results
    home = place.home if warm else folder / "cold"
    output = folder / "out"
    command = mprnet(place.sources, "-o", output, "--skip-existing")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: watch(command, home), range(2)))
    problems = [
        f"exit code {run.code}: {run.text[-1000:]}"
        for run in runs
        if run.code or "Traceback" in run.text
    ]
    found = read_files(output / "Denoising")
    if {name: found.get(name) for name in expected} != expected:
        problems.append("the results are not those of one program")
    return problems
