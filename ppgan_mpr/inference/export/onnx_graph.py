"""A traced Paddle network as an ONNX model for pictures of any size."""

from __future__ import annotations

import numpy as np

from ...dependencies import require
from ...version import __version__
from .trace import Operation, Program, flat, trace

_OPSET = 17


def to_onnx(network, size: tuple[int, int] | None = None):
    """Export a network.

    Args:
        network: a ``paddle.nn.Layer`` in evaluation mode, see :func:`.trace.trace`.
        size: height and width of the only pictures the model is for; needed for networks
            whose windows depend on them (TLC).

    Returns:
        An ``onnx.ModelProto`` with the input ``x`` [1, C, height, width] and the output ``y``,
        height and width open unless ``size`` is given. Only what the network's first result
        needs is in it. What its attention takes from the whole map, averages and weighted
        means, is called ``average_0``, ``average_1``, …

    Raises:
        MissingDependencyError: onnx, or PaddlePaddle 3, is not installed.
        NotImplementedError: the network uses an operator that has no translation here.
    """
    return write_onnx(trace(network, size), size)


def write_onnx(program: Program, size: tuple[int, int] | None = None):
    """See :func:`to_onnx`; takes the traced network."""
    return _Writer(program).model(size or ("height", "width"))


class _Writer:
    """Translates a program backwards from its result, so that dead ends are never written."""

    def __init__(self, program: Program):
        self._onnx = require("onnx")
        self._program = program
        self._constants = dict(program.constants)
        self._makers = {value.id: op for op in program.operations for value in op.outputs}
        self._names = {program.input.id: "x", program.output.id: "y"}
        self._averages = 0  # how many are named so far
        self._nodes: list = []
        self._initializers: dict = {}

    def model(self, size: tuple):
        helper, program = self._onnx.helper, self._program
        needed = self._needed()
        for op in program.operations:
            if id(op) in needed:
                translate = getattr(self, f"_{op.name}", None)
                if translate is None:
                    raise NotImplementedError(f"Paddle's operator {op.name} has no translation")
                translate(op)

        def picture(name, channels):
            kind = self._onnx.TensorProto.FLOAT
            return helper.make_tensor_value_info(name, kind, [1, channels, *size])

        graph = helper.make_graph(
            self._nodes,
            "network",
            [picture("x", program.input.shape[1])],
            [picture("y", program.output.shape[1])],
            [
                self._onnx.numpy_helper.from_array(array, name)
                for name, array in self._initializers.items()
            ],
        )
        model = helper.make_model(
            graph,
            producer_name="ppgan_mpr",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=8,
        )
        self._onnx.checker.check_model(model)
        return model

    def _needed(self) -> set:
        needed, pending = set(), [self._program.output]
        while pending:
            op = self._makers.get(pending.pop().id)
            if op is not None and id(op) not in needed:
                needed.add(id(op))
                pending.extend(flat(op.inputs))
        return needed

    # Writing

    def _name(self, value) -> str:
        if value.id in self._constants:
            return self._constant(f"c{value.id}", self._constants[value.id])
        return self._names.setdefault(value.id, f"v{len(self._names)}")

    def _constant(self, name: str, array: np.ndarray) -> str:
        self._initializers.setdefault(name, array)
        return name

    def _emit(self, kind: str, op: Operation, inputs, **attributes) -> None:
        names = [item if isinstance(item, str) else self._name(item) for item in inputs]
        outputs = [self._name(value) for value in op.outputs]
        self._nodes.append(self._onnx.helper.make_node(kind, names, outputs, **attributes))

    def _array(self, value) -> np.ndarray:
        return self._constants[value.id]

    def _scalar(self, value):
        return self._array(value).reshape(-1)[0]

    # Translations, one for each of Paddle's operators

    def _conv2d(self, op):
        x, weight = op.inputs[:2]
        top, left = op.attributes["paddings"]
        self._emit(
            "Conv",
            op,
            (x, weight),
            strides=op.attributes["strides"],
            dilations=op.attributes["dilations"],
            group=op.attributes["groups"],
            pads=[top, left, top, left],
        )

    _depthwise_conv2d = _conv2d

    def _conv2d_transpose(self, op):
        x, weight = op.inputs[:2]
        if op.attributes["output_padding"]:
            raise NotImplementedError("conv2d_transpose with output padding has no translation")
        top, bottom, left, right = op.attributes["paddings"]
        self._emit(
            "ConvTranspose",
            op,
            (x, weight),
            strides=op.attributes["strides"],
            dilations=op.attributes["dilations"],
            group=op.attributes["groups"],
            pads=[top, left, bottom, right],
        )

    def _leaky_relu(self, op):
        self._emit("LeakyRelu", op, op.inputs, alpha=op.attributes["negative_slope"])

    def _prelu(self, op):
        x, slope = op.inputs
        if self._array(slope).size == 1:  # one slope for all: runtimes fuse this form
            self._emit("LeakyRelu", op, [x], alpha=float(self._scalar(slope)))
        else:
            channels = self._array(slope).reshape(1, -1, 1, 1)
            self._emit("PRelu", op, [x, self._constant(f"slope{slope.id}", channels)])

    def _pool2d(self, op):
        x, size = op.inputs
        size = self._array(size).tolist()
        if op.attributes["adaptive"] and size == [1, 1]:
            self._name_average(op)
            self._emit("GlobalAveragePool", op, [x])
        else:
            kind = {"avg": "AveragePool", "max": "MaxPool"}[op.attributes["pooling_type"]]
            self._emit(kind, op, [x], kernel_shape=size, strides=op.attributes["strides"])

    def _matmul(self, op):
        x, weights = op.inputs
        if not op.attributes["transpose_y"] or op.attributes["transpose_x"]:
            raise NotImplementedError("matmul has a translation for weighted means alone")
        column = f"{self._name(weights)}_column"
        self._nodes.append(
            self._onnx.helper.make_node(
                "Transpose", [self._name(weights)], [column], perm=[0, 2, 1]
            )
        )
        self._name_average(op)
        self._emit("MatMul", op, [x, column])

    def _name_average(self, op):
        self._names[op.outputs[0].id] = f"average_{self._averages}"
        self._averages += 1

    def _max(self, op):
        self._reduce("ReduceMax", op)

    def _mean(self, op):
        self._reduce("ReduceMean", op)

    def _reduce(self, kind, op):
        x, axes = op.inputs
        keep = int(op.attributes["keepdim"])
        self._emit(kind, op, [x], axes=self._array(axes).tolist(), keepdims=keep)

    def _softmax(self, op):
        self._emit("Softmax", op, op.inputs, axis=op.attributes["axis"])

    def _flatten(self, op):
        (x,) = op.inputs
        first, last = op.attributes["start_axis"], op.attributes["stop_axis"]
        if last % len(x.shape) != len(x.shape) - 1:
            raise NotImplementedError("flatten has a translation for the last axes alone")
        self._emit("Reshape", op, [x, self._integers([0] * first + [-1])])

    def _bilinear_interp(self, op):
        x, (output,) = op.inputs[0], op.outputs
        if op.attributes["align_corners"]:
            raise NotImplementedError("bilinear_interp with aligned corners has no translation")
        mode = "asymmetric" if op.attributes["align_mode"] else "half_pixel"
        factors = [after / before for before, after in zip(x.shape, output.shape)]
        scales = self._constant(
            "scales_" + "_".join(f"{factor:g}" for factor in factors),
            np.array(factors, np.float32),
        )
        self._emit(
            "Resize",
            op,
            [x, "", scales],
            mode="linear",
            coordinate_transformation_mode=mode,
        )

    def _concat(self, op):
        parts, axis = op.inputs
        self._emit("Concat", op, parts, axis=int(self._scalar(axis)))

    def _split_with_num(self, op):
        x, axis = op.inputs
        self._emit("Split", op, [x], axis=int(self._scalar(axis)))

    def _add(self, op):
        self._emit("Add", op, op.inputs)

    def _multiply(self, op):
        self._emit("Mul", op, op.inputs)

    def _relu(self, op):
        self._emit("Relu", op, op.inputs)

    def _sigmoid(self, op):
        self._emit("Sigmoid", op, op.inputs)

    def _unsqueeze(self, op):
        x, axes = op.inputs
        self._emit("Unsqueeze", op, [x, self._integers(self._array(axes))])

    def _squeeze(self, op):
        x, axes = op.inputs
        self._emit("Squeeze", op, [x, self._integers(self._array(axes))])

    def _pad3d(self, op):
        x, amounts = op.inputs
        left, right, top, bottom, front, back = self._array(amounts).tolist()
        mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
        pads = [0, 0, front, top, left, 0, 0, back, bottom, right]
        self._emit("Pad", op, [x, self._integers(pads)], mode=mode[op.attributes["mode"]])

    def _integers(self, values) -> str:
        array = np.asarray(values, np.int64)
        return self._constant(f"int_{array.shape}_{array.tolist()}", array)
