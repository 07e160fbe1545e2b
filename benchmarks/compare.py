"""Measure this package beside PaddleGAN and the authors' code, and write a page of tables.

    python benchmarks/compare.py --output speed.md
    python benchmarks/compare.py --parts networks --networks lite --output speed.md
    python benchmarks/compare.py --checkouts DIR --save numbers --output speed.md

The parts are measured one after another, each by the script named on the page. Several take
minutes; the networks take up to an hour. Their numbers are kept in the folder --save, by
default speed.numbers for the page speed.md. A part whose numbers are there is not measured again,
so an interrupted run continues, and a part is repeated by deleting its file. PaddleGAN and the
authors' code are left out if they are missing. Keep the machine idle: the page says if other
programs used the processor just before a part was measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from compare_page import write_page

_WATCHED = 3.0  # seconds for which the machine is watched before a part is measured
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Part:
    """One script and its arguments.

    Args:
        script: file name of the script.
        arguments: its arguments that differ from its defaults.
        shared: names of the options of this program that are passed to it.
        output: its option for the file of numbers.
    """

    script: str
    arguments: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    output: str = "--output"

    def command(self, options: argparse.Namespace, numbers: Path) -> list[str]:
        """The command line that measures it."""
        line = [sys.executable, str(_HERE / self.script), *self.arguments]
        for name in self.shared:
            value = getattr(options, name)
            if value:
                line += [f"--{name}", *(value if isinstance(value, list) else [value])]
        return [*line, self.output, str(numbers)]


PARTS = {
    "networks": Part("inference.py", ("--sizes", "256"), ("networks", "checkouts")),
    "photos": Part(
        "inference.py",
        (
            *("--sizes", "720p", "--repeat", "1", "--patience", "200", "--runners"),
            *("ppgan", "torch", "torch-bf16", "onnxruntime", "openvino-f32", "openvino-bf16"),
        ),
        ("networks", "checkouts"),
    ),
    "commands": Part(
        "commands.py", ("--sizes", "256", "720p", "--networks", "lite", "--repeat", "12")
    ),
    "large": Part("commands.py", ("--sizes", "12mp", "--networks", "lite", "--repeat", "1")),
    "agreement": Part(
        "agreement.py",
        (str(_HERE.parent / "samples" / "Deraining"), "--task", "Deraining", "--tile", "256"),
    ),
    "folders": Part("folders.py", ("--repeat", "1"), ("checkouts",)),
    "throughput": Part("throughput.py", ("--formats", ".jpg", "--rounds", "1")),
    "isolation": Part("isolation.py"),
    "loading": Part("datasets.py", ("--samples", "12", "--rounds", "2"), output="--json"),
}


def measure(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any] | None:
    """The numbers of a part, measured unless the folder has them; None if its script failed."""
    numbers = folder / f"{name}.json"
    if not numbers.exists():
        part = PARTS[name]
        command = part.command(options, numbers.with_suffix(".part"))
        print("\n$", *command[1:], flush=True)
        others = psutil.cpu_percent(interval=_WATCHED)
        if subprocess.run(command).returncode:
            print(f"{part.script} failed: the page is written without it.", file=sys.stderr)
            return None
        found = json.loads(numbers.with_suffix(".part").read_text(encoding="utf-8"))
        found["others"] = others
        numbers.with_suffix(".part").write_text(json.dumps(found, indent=1), encoding="utf-8")
        numbers.with_suffix(".part").replace(numbers)
    return json.loads(numbers.read_text(encoding="utf-8"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code, 1 if a part could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--parts", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    about_networks = "networks to measure in the parts networks and photos; default: all"
    add("--networks", nargs="+", metavar="NAME", help=about_networks)
    add("--checkouts", metavar="DIR", help="folder of checkouts to compare with, see peers.py")
    default = "OUTPUT with the suffix .numbers"
    add("--save", type=Path, metavar="DIR", help=f"folder for the numbers; default: {default}")
    add("--output", type=Path, metavar="FILE", required=True, help="the page")
    options = parser.parse_args(argv)
    folder = options.save or options.output.with_suffix(".numbers")
    folder.mkdir(parents=True, exist_ok=True)
    found = {name: measure(name, options, folder) for name in options.parts}
    measured = {name: numbers for name, numbers in found.items() if numbers}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_page(measured, {name: PARTS[name].script for name in measured}, options.output)
    return 0 if len(measured) == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
