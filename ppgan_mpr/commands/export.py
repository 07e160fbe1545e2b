"""Export a network to another format: mprnet-export --task TASK --format onnx

Writes a model for pictures of any size and compares its results with PaddlePaddle's. The model
takes an RGB picture [1, 3, height, width] with values in [0, 1] (6 channels for two views). It
returns a picture of the same size whose values are not clipped. Height and width must be multiples
of a number, which is printed and stored as size_multiple in the ONNX file's metadata. The metadata
also hold the network, the task, and the scale by which pictures are enlarged before they enter
the network. Pad pictures of other sizes as mprnet does: by reflection, half of the missing rows
above and half below, likewise left and right. Then crop the result.
"""

from __future__ import annotations

import argparse
import mimetypes
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..apps.lazy_weights import choose_weights
from ..dependencies import require
from ..errors import MissingDependencyError, UsageError
from ..file_names import shown
from ..files import check_replaceable
from ..inference import Cache, InferenceOptions
from ..networks import networks, tasks
from ..weights import Weights
from .inference_flags import add_inference_flag
from .program import program_name, run_program

#: Format → suffixes of its files. The first belongs to the file that programs open.
FILES = {"onnx": (".onnx",), "openvino": (".xml", ".bin"), "paddle": (".json", ".pdiparams")}
# Suffixes of formats that this command does not write and that Python's mimetypes may not know.
_OTHER_SUFFIXES = (".pdmodel", ".pdparams", ".pt", ".pth", ".safetensors")
#: Largest difference from PaddlePaddle's values at which a model counts as equal.
TOLERANCE = 1e-4

#: A function that runs an exported model: [1, C, H, W] → [1, 3, H, W], both float32.
Runner = Callable[[np.ndarray], np.ndarray]


def main(argv: list[str] | None = None) -> int:
    """Run mprnet-export.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        The exit code: 0, 1 if the model differs from PaddlePaddle's, or 2 for a mistake of the
        user.
    """
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--task", help=f"one of {', '.join(tasks())}")
    for option in InferenceOptions.documented():
        if option.name in ("network", "model", "scale"):
            add_inference_flag(parser, option)
    parser.set_defaults(model=None)  # None: the user gave no model
    add("--weight_path", metavar="FILE", help="your own weights instead of --model")
    add(
        "--format", type=str.lower, choices=tuple(FILES), default="onnx",
        help="default: %(default)s",
    )  # fmt: skip
    add("-o", "--output", metavar="FILE", help="default: <network>_<task> in the current folder")
    add("--overwrite", action="store_true", help="replace existing files")
    options = parser.parse_args(argv)
    return run_program(lambda: _export(options))


def _export(options: argparse.Namespace) -> int:
    difference = export(options)
    equal = difference <= TOLERANCE
    print(
        f"largest difference from PaddlePaddle, float32: {difference:.1e} "
        f"({'equal' if equal else f'NOT EQUAL: more than {TOLERANCE:.0e}'})"
    )
    return 0 if equal else 1


def export(options: argparse.Namespace) -> float:
    """Write the model and compare it with PaddlePaddle.

    Args:
        options: options of the command line.

    Returns:
        The largest difference of a value; see :func:`compare`.

    Raises:
        RestorationError: the options, the weights or a missing package prevent the export.
        OSError: the files cannot be written.
    """
    if not options.task and not options.weight_path:
        raise UsageError(f"Choose what to export: give --task, one of {', '.join(tasks())}.")
    weights = _load(options)
    files = _files(options, weights)
    for file in files:
        if file.exists() and not options.overwrite:
            raise UsageError(f"{file} exists: choose another --output or pass --overwrite.")
        check_replaceable(file)
    files[0].parent.mkdir(parents=True, exist_ok=True)
    writer = {"onnx": write_onnx, "openvino": write_openvino, "paddle": write_paddle}
    # Written in a temporary folder and then moved, so that no incomplete model is left behind.
    with tempfile.TemporaryDirectory(dir=files[0].parent, prefix=".export") as folder:
        network = weights.build()
        run = writer[options.format](weights, network, Path(folder) / files[0].stem)
        difference = compare(weights, network, run)
        del run
        for file in files:
            (Path(folder) / file.name).replace(file)
    written = shown(" and ".join(map(str, files)))
    multiple = weights.spec.size_multiple
    print(f"{written}: {weights.network}, {shown(weights.source)}, format {options.format}")
    print(f"height and width must be multiples of {multiple}: pad by reflection on all four sides")
    if weights.local:
        print(
            "exported without the test-time local converter (TLC), although these weights use it: "
            "it needs a fixed picture size"
        )
    return difference


def _load(options: argparse.Namespace) -> Weights:
    """The weights that the options choose, with their task and scale."""
    if options.weight_path and options.model:
        raise UsageError(f"weight_path= replaces model={options.model!r}: give one of them.")
    given = {"network": options.network, "scale": options.scale}
    if options.model:
        given["model"] = options.model
    chosen = choose_weights(
        options.weight_path,
        options.task,
        networks(),
        InferenceOptions(**given),
        Cache.of_user(),
    )
    return replace(chosen.weights, task=chosen.info.task, scale=chosen.info.scale)


def _files(options: argparse.Namespace, weights: Weights) -> list[Path]:
    """Paths of the files to write; programs open the first."""
    parts = [weights.network, weights.task or ""]
    parts += [f"x{weights.scale}"] if (weights.scale or 1) > 1 else []
    parts += ["lite"] if weights.record and weights.record.model == "lite" else []
    path = Path(options.output or "_".join(parts).lower()).expanduser()
    suffixes = FILES[options.format]
    suffix = path.suffix.lower()
    if suffix not in suffixes and options.output and _is_known(suffix):
        raise UsageError(
            f"{path} ends in {path.suffix}, but format={options.format!r} writes "
            f"{' and '.join(suffixes)}: choose a name that ends in {suffixes[0]}."
        )
    stem = path.stem if suffix in suffixes else path.name
    return [path.with_name(stem + suffix) for suffix in suffixes]


def _is_known(suffix: str) -> bool:
    """Whether a suffix belongs to a file format, and is not just the end of a name with dots."""
    others = {*_OTHER_SUFFIXES, *(name for names in FILES.values() for name in names)}
    # A new table holds only Python's own types, so the answer is the same on every machine.
    known = mimetypes.MimeTypes().guess_type(f"model{suffix}") != (None, None)
    return suffix in others or known


def write_onnx(weights: Weights, network: Any, path: Path) -> Runner:
    """Write an ONNX file.

    Returns:
        A function that runs it in ONNX Runtime or, if ONNX Runtime is not installed, in OpenVINO.
    """
    path = path.with_name(f"{path.name}.onnx")
    path.write_bytes(_onnx(weights, network))
    try:
        runtime = require("onnxruntime")
    except MissingDependencyError:
        return _openvino_runner(path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda picture: session.run(["y"], {"x": picture})[0]


def write_openvino(weights: Weights, network: Any, path: Path) -> Runner:
    """Write OpenVINO's .xml and .bin, and return a function that runs them."""
    openvino = require("openvino")
    path = path.with_name(f"{path.name}.xml")
    openvino.save_model(
        openvino.Core().read_model(_onnx(weights, network)), path, compress_to_fp16=False
    )
    return _openvino_runner(path)


def write_paddle(weights: Weights, network: Any, path: Path) -> Runner:
    """Write Paddle Inference's .json and .pdiparams, and return a function that runs them."""
    paddle = require("paddle")
    spec = paddle.static.InputSpec([1, weights.channels, None, None], "float32", "x")
    paddle.jit.save(network, str(path), input_spec=[spec])
    loaded = paddle.jit.load(str(path))
    loaded.eval()
    return lambda picture: first_result(loaded(paddle.to_tensor(picture)))


def compare(weights: Weights, network: Any, run: Runner) -> float:
    """The largest difference between the results of an exported model and PaddlePaddle's.

    Pictures of two sizes are compared, to check that the model works for any size.
    """
    paddle = require("paddle")
    largest = 0.0
    unit = weights.spec.size_multiple
    for rows, columns in ((8, 12), (17, 9)):  # in units of the size multiple
        size = max(rows * unit, 64), max(columns * unit, 64)
        picture = np.random.default_rng(0).random([1, weights.channels, *size], np.float32)
        with paddle.no_grad():
            expected = first_result(network(paddle.to_tensor(picture)))
        largest = max(largest, float(np.abs(run(picture) - expected).max()))
    return largest


def first_result(outputs: Any) -> np.ndarray:
    """The restored picture [1, C, H, W] among a network's outputs."""
    return (outputs[0] if isinstance(outputs, (list, tuple)) else outputs).numpy()


def _onnx(weights: Weights, network: Any) -> bytes:
    from ..inference.export import trace, write_onnx

    require("onnx")
    try:
        model = write_onnx(trace(network, weights.channels))
    except NotImplementedError as error:
        raise UsageError(f"{weights.network} cannot be exported to ONNX: {error}.") from None
    facts = {
        "network": weights.network,
        "task": weights.task,
        "scale": weights.scale,
        "size_multiple": weights.spec.size_multiple,
        "padding": "reflect, split over both sides",
    }
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    return model.SerializeToString()


def _openvino_runner(path: Path) -> Runner:
    openvino = require("openvino")
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda picture: compiled(picture)[0]


if __name__ == "__main__":
    sys.exit(main())
