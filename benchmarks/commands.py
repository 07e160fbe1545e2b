"""Compare the time of the whole command ``mprnet`` with that of the compiled graph alone.

    python benchmarks/commands.py --sizes 720p 12mp --output table.json

The columns for each network and size are:

    cold   the command with an empty cache, and its peak memory
    warm   the command with a full cache (the fastest repetition), and its peak memory
    photo  the restoration alone (measuring the network's averages over the photo, computing and
           blending tiles) in a process that has already restored such a picture
    bare   only the tiles of that restoration in the compiled graph
    over   wall time of warm minus bare
    cpu    processor time of warm minus bare, which other programs on the machine disturb less

Weights and pictures are those of inference.py. Photos are encoded faster than these pictures:
--photo measures one of yours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from inference import aside, machine, make_weights, picture
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
SIZES = {"256": (256, 256), "720p": (720, 1280), "12mp": (3000, 4000), "100mp": (8660, 11547)}
NETWORKS = {
    "lite": "Deraining", "Deraining": "Deraining", "Denoising": "Denoising",
    "Deblurring": "Deblurring", "MIRNetv2": "LowLight",
}  # fmt: skip
_SCRIPT = Path(__file__).resolve().parent.parent / "applications" / "tools" / "mprnet.py"


def draw(height: int, width: int, path: Path) -> None:
    """Write a picture to restore."""
    pixels = (picture(height, width) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)


def in_process(case: dict) -> dict:
    """Seconds of a restoration and of its bare graph, in a process of their own."""
    from ppgan_mpr.inference import Cache, Restorer, load_model

    source = case["weights"]
    model = load_model(source, Cache(Path(case["cache"])))
    restorer = Restorer(model, device="cpu")
    image = np.asarray(Image.open(case["photo"])).astype(np.float32) / 255
    tiles = []
    run = restorer.backend.run

    def counted(tile, averages=None):
        tiles[:] = [tile, averages, 1 if len(tiles) < 3 else tiles[2] + 1]
        return run(tile, averages)

    restorer.backend.run = counted
    restorer(image)
    restorer.backend.run = run
    tile, averages, count = tiles
    runs = [_spent(lambda: run(tile, averages)) for _ in range(max(5, case["repeat"]))]
    bare, processor = np.min(runs, axis=0) * count
    whole, _ = min(_spent(lambda: restorer(image)) for _ in range(case["repeat"]))
    return {
        "bare": bare, "bare_processor": processor, "photo": whole, "tiles": count,
        "tile": list(tile.shape[2:]),
    }  # fmt: skip


def command(case: dict, home: Path) -> dict:
    """The command line's wall time and processor time in seconds, and its peak memory in bytes."""
    line = [sys.executable, str(_SCRIPT), "-i", case["photo"], "--task", case["task"],
            "--overwrite", "-o", str(home / "out")]  # fmt: skip
    if case["network"] == "lite":
        line += ["--model", "lite"]
    else:
        line += ["--weight_path", case["weights"]]
    return timed(line, home)


def timed(line: list[str], home: Path) -> dict:
    """Wall and processor seconds of a command with this cache folder, and its peak memory in bytes.

    The processes that the command starts and waits for count too.
    """
    environment = {**os.environ, "PPGAN_MPR_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # only the first run compiles the modules
    started = time.perf_counter()
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line)
    return {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss << (0 if sys.platform == "darwin" else 10),
    }


def libraries(home: Path) -> float:
    """Seconds to start Python, import the libraries of a restoration and load OpenVINO's plugin.

    No command that uses them can start faster.
    """
    code = (
        "import numpy, PIL.Image, openvino; openvino.Core().get_property('CPU', 'FULL_DEVICE_NAME')"
    )
    return min(timed([sys.executable, "-c", code], home)["seconds"] for _ in range(3))


def measure(case: dict, folder: Path, only_commands: bool) -> dict:
    """All numbers of one network and size."""
    home = Path(tempfile.mkdtemp(dir=folder))
    cold = command(case, home)
    runs = [command(case, home) for _ in range(case["repeat"])]
    warm = {key: min(run[key] for run in runs) for key in cold}
    found = {
        "cold": cold["seconds"], "cold_peak": cold["peak"],
        "warm": warm["seconds"], "warm_processor": warm["processor"], "peak": warm["peak"],
    }  # fmt: skip
    if only_commands:
        return found
    inside = json.dumps({**case, "cache": str(folder / "cache")})
    child = subprocess.run(
        [sys.executable, __file__, "--case", inside], check=True, stdout=subprocess.PIPE
    )
    return {**found, **json.loads(child.stdout.decode().splitlines()[-1])}


def _spent(run) -> tuple[float, float]:
    """Wall time and processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=tuple(SIZES), default=["720p"])
    add("--photo", type=Path, metavar="FILE", help="a photo of yours instead of generated pictures")
    add("--networks", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS))
    add("--repeat", type=int, default=3)
    add("--only-commands", action="store_true", help="measure only the columns cold and warm")
    add("--output", type=Path, metavar="FILE", help="write JSON")
    add("--case", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.case:
        print("\n" + json.dumps(in_process(json.loads(options.case))))
        return 0
    report = {"machine": machine(None), "cases": []}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(
        f"{'network':11} {'size':5} {'cold s':>7} {'MB':>6} {'warm s':>7} {'MB':>6} {'MP/s':>6} "
        f"{'photo s':>8} {'bare s':>7} {'over s':>7} {'cpu s':>6} tiles"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        report["libraries"] = libraries(folder)
        print(f"Python and its libraries alone start in {report['libraries']:.2f} s")
        for size in [options.photo.name] if options.photo else options.sizes:
            if options.photo:
                photo = options.photo
                width, height = Image.open(photo).size
            else:
                height, width = SIZES[size]
                photo = folder / f"{size}.png"
                aside(draw, height, width, photo)
            for network in options.networks:
                case = {
                    "network": network, "task": NETWORKS[network], "photo": str(photo),
                    "weights": aside(make_weights, network, folder), "repeat": options.repeat,
                }  # fmt: skip
                found = measure(case, folder, options.only_commands)
                speed = height * width / 1e6 / found["warm"]
                print(
                    f"{network:11} {size:5} {found['cold']:7.1f} {found['cold_peak'] / 1e6:6.0f} "
                    f"{found['warm']:7.1f} {found['peak'] / 1e6:6.0f} {speed:6.3f}",
                    end=" ",
                )
                if "bare" in found:
                    over = found["warm"] - found["bare"]
                    processor = found["warm_processor"] - found["bare_processor"]
                    print(
                        f"{found['photo']:8.2f} {found['bare']:7.2f} {over:7.2f} {processor:6.2f} "
                        f"{found['tiles']} of {found['tile'][0]}x{found['tile'][1]}",
                        end="",
                    )
                print(flush=True)
                report["cases"].append({"network": network, "size": size, **found})
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
