"""Export a network: python tools/export_model.py --task Deblurring --format onnx

Writes a model for pictures of any size (height and width multiples of 8, values in [0, 1],
RGB, [1, 3, H, W]), and compares it with PaddlePaddle at the end.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import MissingDependencyError, RestorationError, UsageError
from ppgan_mpr.files import replacing
from ppgan_mpr.tasks import ALL_TASKS
from ppgan_mpr.weights import load_weights

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "paddle": ""}
TOLERANCE = 1e-4


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 1 not equal, 2 a user's mistake)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--task", help=f"one of {', '.join(ALL_TASKS)}")
    add("--model", default="published", help="published or lite (default: %(default)s)")
    add("--weight_path", metavar="FILE", help="your own weights")
    add("--format", choices=tuple(SUFFIXES), default="onnx", help="default: %(default)s")
    add("-o", "--output", metavar="FILE", help="default: <network>_<task> beside you")
    options = parser.parse_args(argv)
    try:
        difference = export(options)
    except RestorationError as error:
        print(f"export_model: {error}", file=sys.stderr)
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
    source = options.weight_path or f"{options.model}:{options.task}"
    weights = load_weights(source, options.task)
    name = f"{weights.network}_{options.task or weights.task or 'model'}".lower()
    path = Path(options.output or name).expanduser()
    path = path.with_suffix(SUFFIXES[options.format]) if SUFFIXES[options.format] else path
    path.parent.mkdir(parents=True, exist_ok=True)
    network = weights.build()
    writer = {"onnx": write_onnx, "openvino": write_openvino, "paddle": write_paddle}
    run = writer[options.format](network, path)
    print(f"{path}: {weights.network}, {weights.source}, format {options.format}")
    return compare(network, run)


def write_onnx(network, path: Path):
    """Write an ONNX file; returns a function that runs it."""
    content = _onnx(network)
    with replacing(path) as file:
        file.write(content)
    try:
        runtime = require("onnxruntime")
    except MissingDependencyError:
        return _openvino_runner(path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda picture: session.run(["y"], {"x": picture})[0]


def write_openvino(network, path: Path):
    """Write OpenVINO's .xml and .bin; returns a function that runs them."""
    openvino = require("openvino")
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
    from ppgan_mpr.inference.export.onnx_graph import to_onnx

    return to_onnx(network).SerializeToString()


def _openvino_runner(path: Path):
    openvino = require("openvino")
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda picture: compiled(picture)[0]


if __name__ == "__main__":
    sys.exit(main())
