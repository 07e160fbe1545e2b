"""Compare a folder of pictures of many sizes with a folder of one size and the same total area.

    python benchmarks/folders.py --networks lite --output table.json

A runtime that prepares itself for each size of picture takes longer for the mixed folder. For each
network, the command ``mprnet`` restores both folders, with an empty cache of networks and with a
full one. The table also has the size of the cache afterwards. PaddleGAN's network and the authors'
network in PyTorch restore the same pictures in memory, if they are available (see peers.py). Both
folders are measured in turn, and the run with the median ratio counts. Processor time is listed
beside wall time, because other programs on the machine disturb it less.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median_low

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import peers
from commands import command, draw
from inference import NETWORKS, PEERS, aside, find, machine, make_weights
from PIL import Image

from ppgan_mpr.dependencies import installed_version
from ppgan_mpr.imaging.padding import source_indices

SHORTEST, LONGEST = 200, 640  # pixels of a side
FOLDERS = ("one size", "mixed")
_PEER_PACKAGES = {"ppgan": "ppgan", "torch": "torch"}
_MULTIPLE = 16  # every network takes pictures whose sides are multiples of this


def mixed_sizes(count: int) -> list[tuple[int, int]]:
    """Distinct heights and widths, evenly spread over their range in a random order."""
    rng = np.random.default_rng(0)
    sides = np.linspace(SHORTEST, LONGEST, count).round().astype(int)
    return [(int(a), int(b)) for a, b in zip(rng.permutation(sides), rng.permutation(sides))]


def one_size(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """The square whose area is the mean of those of the given sizes."""
    side = round(float(np.mean([height * width for height, width in sizes])) ** 0.5)
    return side, side


def facts(name: str) -> dict[str, str]:
    """Network and task of one of the :data:`~inference.NETWORKS`."""
    record = find(name)
    return {"kind": record.network, "task": record.task}


def draw_folder(folder: Path, sizes: list[tuple[int, int]]) -> None:
    """Write a picture of each size."""
    folder.mkdir()
    for number, (height, width) in enumerate(sizes):
        draw(height, width, folder / f"{number:03d}.png")


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_commands(case: dict, folders: dict[str, Path], temporary: Path) -> dict:
    """Both folders in turn, each with an empty cache and then with that of its first run."""
    rounds = []
    for _ in range(case["repeat"]):
        found: dict = {"cold": {}, "warm": {}}
        for name, pictures in folders.items():
            home = Path(tempfile.mkdtemp(dir=temporary))
            for temperature in ("cold", "warm"):
                spent = command({**case, "photo": str(pictures)}, home)
                cache = size_of(home / "networks")
                found[temperature][name] = {**spent, "cache": cache}
        rounds.append(found)
    return {key: _middle([found[key] for found in rounds]) for key in ("cold", "warm")}


def run_peer(case: dict) -> dict:
    """Seconds for all pictures of a folder in PaddleGAN's or the authors' network."""
    checkouts = Path(case["checkouts"]) if case["checkouts"] else None
    run = getattr(peers, case["peer"])(case["weights"], checkouts, None, False)
    pictures = [_padded(path) for path in sorted(Path(case["folder"]).iterdir())]
    run(pictures[0])
    wall, processor = time.perf_counter(), time.process_time()
    for picture in pictures:
        run(picture)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "peak": peak << (0 if sys.platform == "darwin" else 10),
    }


def _padded(path: Path) -> np.ndarray:
    pixels = np.asarray(Image.open(path)).astype(np.float32) / 255
    rows, columns = (source_indices(side, _MULTIPLE, "both") for side in pixels.shape[:2])
    return pixels[rows[:, None], columns]


def run_peers(case: dict, folders: dict[str, Path]) -> dict:
    """Both folders in turn by :func:`run_peer`, each in a process of its own."""
    rounds = []
    for _ in range(case["repeat"]):
        found = {}
        for name, pictures in folders.items():
            inside = json.dumps({**case, "folder": str(pictures)})
            child = subprocess.run(
                [sys.executable, __file__, "--case", inside], check=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            found[name] = json.loads(child.stdout.decode().splitlines()[-1])
        rounds.append(found)
    return _middle(rounds)


def ratio(found: dict, key: str) -> float:
    """How many times as long the mixed folder takes."""
    return found["mixed"][key] / found["one size"][key]


def _middle(rounds: list[dict]) -> dict:
    """The round with the median ratio of processor times."""
    ratios = [ratio(found, "processor") for found in rounds]
    return {**rounds[ratios.index(median_low(ratios))], "ratios": ratios}


def _print(label: str, found: dict) -> None:
    one, mixed = (found[name] for name in FOLDERS)
    grown = f"{mixed['cache'] / 1e6:8.1f}" if "cache" in mixed else ""
    print(
        f"{label:22} {one['seconds']:8.1f} {mixed['seconds']:8.1f} {ratio(found, 'seconds'):6.2f} "
        f"{one['processor']:8.1f} {mixed['processor']:8.1f} {ratio(found, 'processor'):6.2f} "
        f"{one['peak'] / 1e6:7.0f} {mixed['peak'] / 1e6:7.0f} {grown}",
        flush=True,
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=["lite"])
    add("--pictures", type=int, default=48, metavar="N", help="in each folder")
    add("--repeat", type=int, default=3, metavar="N", help="rounds")
    add("--checkouts", metavar="DIR", help="folder of checkouts to compare with, see peers.py")
    add("--no-peers", action="store_true", help="measure this project only")
    add("--output", type=Path, metavar="FILE", help="write JSON")
    add("--case", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.case:
        print("\n" + json.dumps(run_peer(json.loads(options.case))))
        return 0
    mixed = mixed_sizes(options.pictures)
    sizes = {"one size": [one_size(mixed)] * len(mixed), "mixed": mixed}
    report: dict = {"machine": machine(None), "sizes": mixed, "cases": []}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    for name, of_folder in sizes.items():
        area = sum(height * width for height, width in of_folder) / 1e6
        print(f"{name}: {len(of_folder)} pictures, {area:.2f} megapixels")
    print(
        f"{'':22} {'one s':>8} {'mixed s':>8} {'ratio':>6} {'cpu s':>8} {'cpu s':>8} {'ratio':>6} "
        f"{'MB':>7} {'MB':>7} cache MB"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: Path(temporary) / name.replace(" ", "-") for name in FOLDERS}
        for name, folder in folders.items():
            aside(draw_folder, folder, sizes[name])
        for network in options.networks:
            case = {
                "network": network, **aside(facts, network),
                "weights": aside(make_weights, network, Path(temporary)),
                "repeat": options.repeat, "checkouts": options.checkouts,
            }  # fmt: skip
            for label, found in _measured(case, folders, Path(temporary), options):
                _print(label, found)
                report["cases"].append({"label": label, **found})
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


def _measured(case: dict, folders: dict[str, Path], temporary: Path, options):
    """What was measured of one network, each with a label."""
    for temperature, found in run_commands(case, folders, temporary).items():
        yield f"{case['network']} {temperature}", found
    checkouts = Path(options.checkouts) if options.checkouts else None
    for peer in () if options.no_peers else PEERS:
        label = f"{case['network']} {peer}"
        if not peers.available(peer, case["kind"], checkouts):
            print(
                f"{label}: no such network, or no checkout of it (--checkouts)",
                flush=True,
            )
        elif installed_version(_PEER_PACKAGES[peer]) is None:
            print(f"{label}: not installed", flush=True)
        else:
            yield label, run_peers({**case, "peer": peer}, folders)


if __name__ == "__main__":
    sys.exit(main())
