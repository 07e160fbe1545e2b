"""Export a network: python tools/export_model.py --task Deblurring --format onnx

Writes a model for pictures of any size and compares it with PaddlePaddle at the end. The
picture is RGB [1, 3, H, W] with values in [0, 1] (dual-pixel views: 6 channels), height and
width multiples of 8, of MIRNet and MIRNet-v2 multiples of 4.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from ..dependencies import require
from ..errors import MissingDependencyError, RestorationError, UsageError
from ..networks.tasks import ALL_TASKS
from ..weights import MODELS, Weights, find_record, load_weights

FILES = {"onnx": (".onnx",), "openvino": (".xml", ".bin"), "paddle": (".json", ".pdiparams")}
TOLERANCE = 1e-4


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 1 not equal, 2 a user's mistake)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--task", help=f"one of {', '.join(ALL_TASKS)}")
    add("--model", choices=MODELS, default="published", help="default: %(default)s")
    add("--scale", type=int, metavar="N", help="of SuperResolution: 2, 3 or 4")
    add("--weight_path", metavar="FILE", help="your own weights")
    add("--format", choices=tuple(FILES), default="onnx", help="default: %(default)s")
    add("-o", "--output", metavar="FILE", help="default: <network>_<task> beside you")
    add("--overwrite", action="store_true", help="replace existing files")
    options = parser.parse_args(argv)
    try:
        difference = export(options)
    except RestorationError as error:
        print(f"export_model: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"export_model: {error.filename}: {error.strerror or error}", file=sys.stderr)
        return 2
    equal = difference <= TOLERANCE
    print(
        f"largest difference from PaddlePaddle, float32: {difference:.1e} "
        f"({'equal' if equal else f'NOT EQUAL: more than {TOLERANCE:.0e}'})"
    )
    return 0 if equal else 1


def export(options: argparse.Namespace) -> float:
    """Write the model and return its largest difference from PaddlePaddle."""
    if not options.task and not options.weight_path:
        raise UsageError(f"Say what to export: --task is one of {', '.join(ALL_TASKS)}.")
    source = options.weight_path
    if source is None:
        source = find_record(options.model, options.task, scale=options.scale).name
    weights = load_weights(source, options.task)
    files = _files(options, weights)
    for file in files:
        if file.exists() and not options.overwrite:
            raise UsageError(f"{file} exists: choose another --output or pass --overwrite.")
    files[0].parent.mkdir(parents=True, exist_ok=True)
    network = weights.build()
    writer = {"onnx": write_onnx, "openvino": write_openvino, "paddle": write_paddle}
    # Written beside its place and moved there: a model is whole or not there.
    with tempfile.TemporaryDirectory(dir=files[0].parent, prefix=".export") as folder:
        run = writer[options.format](network, Path(folder) / files[0].stem)
        difference = compare(network, run)
        del run
        for file in files:
            (Path(folder) / file.name).replace(file)
    written = " and ".join(map(str, files))
    print(f"{written}: {weights.network}, {weights.source}, format {options.format}")
    return difference


def _files(options: argparse.Namespace, weights: Weights) -> list[Path]:
    """The files to write, the one that programs open first."""
    parts = [weights.network, options.task or weights.task or "model"]
    parts += [f"x{weights.hyperparameters['scale']}"] if "scale" in weights.hyperparameters else []
    parts += ["lite"] if weights.record and weights.record.model == "lite" else []
    path = Path(options.output or "_".join(parts).lower()).expanduser()
    suffixes = FILES[options.format]
    stem = path.stem if path.suffix.lower() == suffixes[0] else path.name
    return [path.with_name(stem + suffix) for suffix in suffixes]


def write_onnx(network, path: Path):
    """Write an ONNX file; returns a function that runs it."""
    path = path.with_name(f"{path.name}.onnx")
    path.write_bytes(_onnx(network))
    try:
        runtime = require("onnxruntime")
    except MissingDependencyError:
        return _openvino_runner(path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda picture: session.run(["y"], {"x": picture})[0]


def write_openvino(network, path: Path):
    """Write OpenVINO's .xml and .bin; returns a function that runs them."""
    openvino = require("openvino")
    path = path.with_name(f"{path.name}.xml")
    openvino.save_model(openvino.Core().read_model(_onnx(network)), path, compress_to_fp16=False)
    return _openvino_runner(path)


def write_paddle(network, path: Path):
    """Write Paddle Inference's .json and .pdiparams; returns a function that runs them."""
    paddle = require("paddle")
    channels = next(iter(network.parameters())).shape[1]
    spec = paddle.static.InputSpec([1, channels, None, None], "float32", "x")
    paddle.jit.save(network, str(path), input_spec=[spec])
    loaded = paddle.jit.load(str(path))
    loaded.eval()
    return lambda picture: loaded(paddle.to_tensor(picture))[0].numpy()


def compare(network, run) -> float:
    """The largest difference over two sizes, so that an open size is really open."""
    paddle = require("paddle")
    channels = next(iter(network.parameters())).shape[1]
    largest = 0.0
    for size in ((64, 96), (136, 72)):
        picture = np.random.default_rng(0).random([1, channels, *size], np.float32)
        with paddle.no_grad():
            expected = network(paddle.to_tensor(picture))[0].numpy()
        largest = max(largest, float(np.abs(run(picture) - expected).max()))
    return largest


def _onnx(network) -> bytes:
    from ..inference.export.onnx_graph import to_onnx

    return to_onnx(network).SerializeToString()


def _openvino_runner(path: Path):
    openvino = require("openvino")
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda picture: compiled(picture)[0]


if __name__ == "__main__":
    sys.exit(main())
