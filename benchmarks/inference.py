"""Measure speed, memory and agreement of this project, PaddleGAN and the authors' code.

    python benchmarks/inference.py --sizes 256 720p --output table.json

Each case runs in its own process, so that its peak memory can be measured. Full-size networks get
random weights from a fixed seed, as speed does not depend on the weights. Lite networks get their
real weights. Cases are repeated, and the fastest run counts. Cases that take minutes run once. The
last column compares the speed with that of a matrix product in OpenVINO on the same machine in the
same precision.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import peers

SIZES = {"256": (256, 256), "720p": (720, 1280), "12mp": (3000, 4000)}
NETWORKS = (
    "lite", "Deraining", "Denoising", "Deblurring", "MIRNet", "MIRNetv2", "NAFNet32",
    "NAFNet32-TLC", "NAFNet64",
)  # fmt: skip
PEERS = ("ppgan", "torch")
RUNNERS = (
    "ppgan", "torch", "torch-bf16", "paddle", "onnxruntime", "openvino-f32", "openvino-bf16",
)  # fmt: skip
_PACKAGES = ("paddlepaddle", "openvino", "onnxruntime", "torch", "ppgan", "numpy")


def picture(height: int, width: int) -> np.ndarray:
    """A picture [H, W, 3] float32 like a natural one: noise with a falling spectrum."""
    rng = np.random.default_rng(0)
    image = np.zeros([height, width, 3], np.float32)
    for step in (128, 32, 8, 1):
        coarse = rng.random([-(-height // step), -(-width // step), 3], np.float32) - 0.5
        fine = coarse.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
        image += fine * (step / 128) ** 0.5
    return np.clip(image / 2 + 0.5, 0, 1)


# One case, in its own process


def run_case(case: dict) -> dict:
    """Run a case and write its result to a file; returns seconds and peak memory."""
    image = picture(*case["size"])
    started = time.perf_counter()
    run = _runner(case)
    ready = time.perf_counter() - started
    seconds = []
    for _ in range(case["repeat"]):
        started = time.perf_counter()
        result = run(image)
        seconds.append(time.perf_counter() - started)
        if seconds[-1] > _MINUTES:
            break
    np.save(case["result"], result)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if _MAC else 10)
    return {"seconds": min(seconds), "all": seconds, "ready": ready, "peak": peak}


_MAC = sys.platform == "darwin"
_MINUTES = 90.0  # seconds after which a case is not repeated


def _runner(case: dict):
    backend, _, precision = case["runner"].partition("-")
    if backend in PEERS:
        checkouts = Path(case["checkouts"]) if case["checkouts"] else None
        options = {"bf16": True} if precision else {}
        return getattr(peers, backend)(
            case["weights"], checkouts, case["threads"], case["local"], **options
        )
    from ppgan_mpr.inference import Cache, Restorer, load_model

    model = load_model(case["weights"], Cache(Path(case["cache"])), local=case["local"])
    threads, memory = case["threads"], case["memory"]
    return Restorer(
        model, backend=backend, device="cpu", precision=precision or "auto", threads=threads,
        memory=memory,
    )  # fmt: skip


def find(network: str):
    """The catalogue's record of one of the :data:`NETWORKS`."""
    from ppgan_mpr.networks import find_network
    from ppgan_mpr.weights import find_record

    if network.startswith("NAFNet"):
        variant = f"gopro-width{network[6:8]}"
        return next(r for r in find_network("NAFNet").weights if r.variant == variant)
    if network.startswith("MIRNet"):
        return next(r for r in find_network(network).weights if r.task == "LowLight")
    if network == "lite":
        return find_record("lite", "Deraining")
    return find_record("published", network)


def gmacs_of(network: str) -> float:
    """Billions of multiply-adds for 256x256 pixels."""
    return find(network).gmacs


def make_weights(network: str, folder: Path) -> str:
    """The weights to load: the lite weights, or random weights of a full-size network.

    Args:
        network: one of the :data:`NETWORKS`.
        folder: folder where random weights are kept for the next call.

    Returns:
        The name or the path of the weights.
    """
    if network == "lite":
        return "lite:Deraining"
    from ppgan_mpr.dependencies import require
    from ppgan_mpr.networks import find_network

    path = folder / f"{network}.pdparams"
    if not path.exists():
        paddle = require("paddle")
        paddle.seed(0)
        record = find(network)
        built = find_network(record.network).build(record.hyperparameters)
        rng = np.random.default_rng(0)
        for tensor in built.state_dict().values():
            if not tensor.numpy().any():  # scales of zero would switch NAFNet's blocks off
                tensor.set_value(rng.uniform(-0.2, 0.2, tensor.shape).astype(np.float32))
        paddle.save(built.state_dict(), str(path))
    return str(path)


def multiply_adds(precision: str, threads: int | None) -> float:
    """Billions of multiply-adds per second of a matrix product in OpenVINO.

    The fastest of several shapes counts, as no shape is the fastest on every processor.
    """
    return max(_matrix_product(*shape, precision, threads) for shape in _MATRICES)


_MATRICES = ((4096, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096))


def _matrix_product(
    rows: int, inner: int, columns: int, precision: str, threads: int | None
) -> float:
    import openvino as ov

    opset = ov.opset8
    left = opset.parameter([rows, inner], np.float32)
    right = opset.constant(np.random.default_rng(0).random([inner, columns], np.float32))
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    model = ov.Model([opset.matmul(left, right, False, False)], [left])
    request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    matrix = np.random.default_rng(1).random([rows, inner], np.float32)
    seconds = min(_seconds(lambda: request.infer([matrix])) for _ in range(8))
    return rows * inner * columns / seconds / 1e9


def _seconds(run) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def aside(function, *arguments):
    """Call a function in another process.

    This process must stay small: Linux counts its memory as part of that of the cases it starts.
    """
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


# The table


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=tuple(SIZES), default=["256", "720p"])
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    add("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    add("--checkouts", metavar="DIR", help="folder of checkouts to compare with, see peers.py")
    add("--threads", type=int, default=None, help="default: all cores")
    add("--memory", default=None, help="for this project's backends; default: as in mprnet")
    add("--repeat", type=int, default=2)
    add("--patience", type=float, default=900, metavar="S", help="time limit of a case in seconds")
    add("--output", type=Path, metavar="FILE", help="write JSON")
    add("--case", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.case:
        print("\n" + json.dumps(run_case(json.loads(options.case))))
        return 0
    report = {"machine": machine(options.threads), "cases": [], "startup": None}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(
        f"{'network':12} {'size':5} {'runner':14} {'s':>8} {'MP/s':>7} {'peak MB':>8} {'PSNR':>6} "
        f"{'limit':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            weights = aside(make_weights, name, Path(folder))
            for size in options.sizes:
                _compare(name, weights, size, options, Path(folder), report)
        if "lite" in options.networks:
            report["startup"] = startup(Path(folder))
            print("whole command, lite, 256x256: {cold:.2f} s cold, {warm:.2f} s warm".format(
                **report["startup"]))  # fmt: skip
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


def _compare(name, weights, size, options, folder: Path, report: dict) -> None:
    """Measure all runners on one network and size; PSNR is to the first one that uses f32."""
    reference = None
    height, width = SIZES[size]
    for runner in options.runners:
        library = runner.partition("-")[0]
        checkouts = Path(options.checkouts) if options.checkouts else None
        if not _installed(runner) or (
            library in PEERS and not peers.available(library, find(name).network, checkouts)
        ):
            continue
        if runner.endswith("bf16") and size != "256" and not aside(has_bf16):
            continue  # emulated, it would take many minutes
        case = {
            "runner": runner, "size": [height, width], "weights": weights,
            "result": str(folder / f"{runner}.npy"), "cache": str(folder / "cache"),
            "threads": options.threads, "memory": options.memory,
            "checkouts": options.checkouts,
            "repeat": options.repeat, "local": name.endswith("TLC"),
        }  # fmt: skip
        facts = {"network": name, "size": size, "runner": runner}
        try:
            numbers = _child(case, options.patience)
        except subprocess.TimeoutExpired:
            print(f"{name:12} {size:5} {runner:14} {options.patience:>7.0f}+", flush=True)
            report["cases"].append({**facts, "exceeded": options.patience})
            continue
        except subprocess.CalledProcessError as error:
            print(f"{name:12} {size:5} {runner:14} failed: {error.returncode}", flush=True)
            continue
        numbers["psnr"] = aside(psnr, case["result"], reference) if reference else None
        if reference is None and not runner.endswith("bf16"):
            reference = case["result"]
        speed = height * width / 1e6 / numbers["seconds"]
        close = "" if numbers["psnr"] is None else f"{numbers['psnr']:6.1f}"
        share = ""
        if runner.startswith("openvino"):
            precision = runner.partition("-")[2]
            most = aside(multiply_adds, precision, options.threads)
            done = aside(gmacs_of, name) * height * width / 256**2 / numbers["seconds"]
            numbers["multiply_adds"], numbers["limit"] = done, most
            share = f"{done / most:6.0%}"
        print(
            f"{name:12} {size:5} {runner:14} {numbers['seconds']:8.2f} {speed:7.3f} "
            f"{numbers['peak'] / 1e6:8.0f} {close:>6} {share:>6}",
            flush=True,
        )
        report["cases"].append({**facts, **numbers})


def _child(case: dict, patience: float) -> dict:
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    done = subprocess.run(
        command, check=True, timeout=patience, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return json.loads(done.stdout.decode().splitlines()[-1])


def startup(folder: Path) -> dict:
    """Seconds of the whole command with an empty and with a filled cache."""
    from PIL import Image

    Image.fromarray((picture(256, 256) * 255).astype(np.uint8)).save(folder / "photo.png")
    script = Path(__file__).resolve().parent.parent / "applications" / "tools" / "mprnet.py"
    command = [
        sys.executable, str(script), "-i", str(folder / "photo.png"), "--task", "Deraining",
        "--model", "lite", "--overwrite", "-o", str(folder / "out"),
    ]  # fmt: skip
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        environment = {**os.environ, "PPGAN_MPR_HOME": str(folder / "home")}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return {"cold": seconds[0], "warm": min(seconds[1:])}


def machine(threads: int | None) -> dict:
    """The machine and the versions that the numbers were measured with."""
    from ppgan_mpr.commands.installation import processor_name
    from ppgan_mpr.dependencies import cpu_count, installed_version

    versions = {name: installed_version(name) for name in _PACKAGES}
    return {
        "processor": processor_name(), "threads": threads or cpu_count(),
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version},
    }  # fmt: skip


def has_bf16() -> bool:
    """Whether OpenVINO is installed and computes in bf16 on this processor."""
    try:
        import openvino as ov
    except ImportError:
        return False
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _installed(runner: str) -> bool:
    from ppgan_mpr.dependencies import installed_version

    package = {"paddle": "paddlepaddle"}.get(runner, runner.partition("-")[0])
    return installed_version(package) is not None or (
        runner == "paddle" and bool(installed_version("paddlepaddle-gpu"))
    )


def psnr(a: np.ndarray | str, b: np.ndarray | str) -> float:
    """PSNR in dB of two pictures in [0, 1], given as arrays or .npy files."""
    a, b = (np.clip(np.load(x) if isinstance(x, str) else x, 0, 1) for x in (a, b))
    error = np.mean((a - b).astype(np.float64) ** 2)
    return float(-10 * np.log10(max(error, 1e-20)))


if __name__ == "__main__":
    sys.exit(main())
