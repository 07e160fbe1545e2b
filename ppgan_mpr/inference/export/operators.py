"""Translations of Paddle's operators to ONNX (operator set 17)."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .trace import Operation, flat
from .writer import Translator, Writer

#: Operators whose ONNX equivalent has the same inputs and no attributes: Paddle's name → ONNX's.
ELEMENTWISE = {
    "abs": "Abs",
    "add": "Add",
    "divide": "Div",
    "elementwise_pow": "Pow",
    "exp": "Exp",
    "hardswish": "HardSwish",
    "log": "Log",
    "maximum": "Max",
    "minimum": "Min",
    "multiply": "Mul",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sqrt": "Sqrt",
    "subtract": "Sub",
    "tanh": "Tanh",
}

#: Paddle's operator → the function that writes it as ONNX.
translators: dict[str, Translator] = {}


def find_translator(name: str) -> Translator:
    """The function that writes a Paddle operator as ONNX.

    Raises:
        NotImplementedError: there is none.
    """
    if name in ELEMENTWISE:
        kind = ELEMENTWISE[name]
        return lambda writer, op: writer.emit(kind, op, flat(op.inputs))
    if name not in translators:
        raise NotImplementedError(f"Paddle's operator {name} has no translation")
    return translators[name]


def _translates(*names: str) -> Callable[[Translator], Translator]:
    def register(function: Translator) -> Translator:
        translators.update(dict.fromkeys(names, function))
        return function

    return register


# Convolution


@_translates("conv2d", "depthwise_conv2d")
def _conv(writer: Writer, op: Operation) -> None:
    _convolve("Conv", writer, op)


@_translates("conv2d_transpose")
def _conv_transpose(writer: Writer, op: Operation) -> None:
    if op.attributes["output_padding"]:
        raise NotImplementedError("conv2d_transpose with output padding has no translation")
    _convolve("ConvTranspose", writer, op)


def _convolve(kind: str, writer: Writer, op: Operation) -> None:
    if op.attributes.get("padding_algorithm", "EXPLICIT") != "EXPLICIT":
        raise NotImplementedError(f"{op.name} with padding SAME or VALID has no translation")
    paddings = op.attributes["paddings"]
    top, bottom, left, right = paddings if len(paddings) == 4 else np.repeat(paddings, 2).tolist()
    writer.emit(
        kind,
        op,
        op.inputs[:2],
        strides=op.attributes["strides"],
        dilations=op.attributes["dilations"],
        group=op.attributes["groups"],
        pads=[top, left, bottom, right],
    )


# Activations and arithmetic


@_translates("leaky_relu")
def _leaky_relu(writer: Writer, op: Operation) -> None:
    writer.emit("LeakyRelu", op, op.inputs, alpha=op.attributes["negative_slope"])


@_translates("prelu")
def _prelu(writer: Writer, op: Operation) -> None:
    x, slope = op.inputs
    if writer.array(slope).size == 1:  # a single slope; runtimes fuse this form
        writer.emit("LeakyRelu", op, [x], alpha=float(writer.scalar(slope)))
    else:
        channels = writer.array(slope).reshape(1, -1, 1, 1)
        writer.emit("PRelu", op, [x, writer.constant(f"slope{slope.id}", channels)])


@_translates("silu")
def _silu(writer: Writer, op: Operation) -> None:
    (x,) = op.inputs
    gate = f"{writer.name(op.outputs[0])}_gate"
    writer.node("Sigmoid", [x], [gate])
    writer.emit("Mul", op, [x, gate])


@_translates("gelu")
def _gelu(writer: Writer, op: Operation) -> None:
    if op.attributes["approximate"]:
        raise NotImplementedError("the approximate gelu has no translation")
    (x,) = op.inputs
    name = writer.name(op.outputs[0])
    writer.node("Mul", [x, writer.number(0.5**0.5)], [f"{name}_scaled"])
    writer.node("Erf", [f"{name}_scaled"], [f"{name}_erf"])
    writer.node("Add", [f"{name}_erf", writer.number(1.0)], [f"{name}_gate"])
    writer.node("Mul", [f"{name}_gate", writer.number(0.5)], [f"{name}_half"])
    writer.emit("Mul", op, [x, f"{name}_half"])


@_translates("clip")
def _clip(writer: Writer, op: Operation) -> None:
    x, low, high = op.inputs
    limits = [writer.number(float(writer.scalar(limit))) for limit in (low, high)]
    writer.emit("Clip", op, [x, *limits])


@_translates("scale")
def _scale(writer: Writer, op: Operation) -> None:
    x, factor = op.inputs
    number, bias = float(writer.scalar(factor)), float(op.attributes["bias"])
    if not op.attributes["bias_after_scale"]:
        bias *= number
    scaled = f"{writer.name(op.outputs[0])}_scaled"
    writer.node("Mul", [x, writer.number(number)], [scaled])
    writer.emit("Add", op, [scaled, writer.number(bias)])


@_translates("pow")
def _pow(writer: Writer, op: Operation) -> None:
    writer.emit("Pow", op, [op.inputs[0], writer.number(float(op.attributes["y"]))])


@_translates("square")
def _square(writer: Writer, op: Operation) -> None:
    (x,) = op.inputs
    writer.emit("Mul", op, [x, x])


@_translates("rsqrt")
def _rsqrt(writer: Writer, op: Operation) -> None:
    root = f"{writer.name(op.outputs[0])}_root"
    writer.node("Sqrt", op.inputs, [root])
    writer.emit("Reciprocal", op, [root])


@_translates("matmul")
def _matmul(writer: Writer, op: Operation) -> None:
    operands: list[Any] = []
    for value, side in zip(op.inputs, "xy"):
        operands.append(value)
        if op.attributes[f"transpose_{side}"]:
            order = [*range(len(value.shape) - 2), len(value.shape) - 1, len(value.shape) - 2]
            operands[-1] = f"{writer.name(op.outputs[0])}_{side}"
            writer.node("Transpose", [value], [operands[-1]], perm=order)
    writer.emit("MatMul", op, operands)


@_translates("softmax")
def _softmax(writer: Writer, op: Operation) -> None:
    writer.emit("Softmax", op, op.inputs, axis=op.attributes["axis"])


# Reductions and normalisation


@_translates("pool2d")
def _pool(writer: Writer, op: Operation) -> None:
    x, size = op.inputs
    size = writer.array(size).tolist()
    kind = {"avg": "AveragePool", "max": "MaxPool"}[op.attributes["pooling_type"]]
    if op.attributes["adaptive"]:
        if size != [1, 1]:
            raise NotImplementedError("adaptive pooling to more than one value has no translation")
        writer.emit(f"Global{kind}", op, [x])
        return
    if any(op.attributes["paddings"]) or op.attributes["ceil_mode"]:
        raise NotImplementedError("pool2d with padding or ceil_mode has no translation")
    writer.emit(kind, op, [x], kernel_shape=size, strides=op.attributes["strides"])


@_translates("max")
def _max(writer: Writer, op: Operation) -> None:
    _reduce("ReduceMax", writer, op)


@_translates("mean")
def _mean(writer: Writer, op: Operation) -> None:
    _reduce("ReduceMean", writer, op)


def _reduce(kind: str, writer: Writer, op: Operation) -> None:
    x, *given = op.inputs
    axes = writer.array(given[0]).tolist() if given else op.attributes["axis"]
    writer.emit(kind, op, [x], axes=axes, keepdims=int(op.attributes["keepdim"]))


@_translates("sum")
def _sum(writer: Writer, op: Operation) -> None:
    x, axes = op.inputs
    keep = int(op.attributes["keepdim"])
    writer.emit("ReduceSum", op, [x, writer.integers(writer.array(axes))], keepdims=keep)


@_translates("layer_norm")
def _layer_norm(writer: Writer, op: Operation) -> None:
    given = [value for value in op.inputs if value is not None]
    if len(given) != 3:
        raise NotImplementedError("layer_norm without scale and shift has no translation")
    attributes = {"axis": op.attributes["begin_norm_axis"], "epsilon": op.attributes["epsilon"]}
    writer.emit_first("LayerNormalization", op, given, **attributes)


@_translates("batch_norm_", "batch_norm")
def _batch_norm(writer: Writer, op: Operation) -> None:
    x, mean, variance, scale, shift = op.inputs
    epsilon = op.attributes["epsilon"]
    writer.emit_first("BatchNormalization", op, [x, scale, shift, mean, variance], epsilon=epsilon)


# Shapes


@_translates("transpose")
def _transpose(writer: Writer, op: Operation) -> None:
    writer.emit("Transpose", op, op.inputs, perm=op.attributes["perm"])


@_translates("reshape")
def _reshape(writer: Writer, op: Operation) -> None:
    x, shape = op.inputs[0], op.outputs[0].shape
    if writer.is_constant(x):  # the bias of a convolution
        writer.define(op.outputs[0], writer.array(x).reshape(shape))
        return
    if writer.program.open_size:
        raise NotImplementedError(
            "reshape to a shape that may depend on the picture's size has no translation"
        )
    writer.emit_first("Reshape", op, [x, writer.integers(shape)])


@_translates("flatten")
def _flatten(writer: Writer, op: Operation) -> None:
    (x,) = op.inputs
    first, last = op.attributes["start_axis"], op.attributes["stop_axis"]
    if last % len(x.shape) != len(x.shape) - 1:
        raise NotImplementedError("flatten has a translation for the last axes only")
    writer.emit_first("Reshape", op, [x, writer.integers([0] * first + [-1])])


@_translates("unsqueeze")
def _unsqueeze(writer: Writer, op: Operation) -> None:
    x, axes = op.inputs
    writer.emit_first("Unsqueeze", op, [x, writer.integers(writer.array(axes))])


@_translates("squeeze")
def _squeeze(writer: Writer, op: Operation) -> None:
    x, axes = op.inputs
    writer.emit_first("Squeeze", op, [x, writer.integers(writer.array(axes))])


@_translates("concat")
def _concat(writer: Writer, op: Operation) -> None:
    parts, axis = op.inputs
    writer.emit("Concat", op, parts, axis=int(writer.scalar(axis)))


@_translates("split_with_num")
def _split_with_num(writer: Writer, op: Operation) -> None:
    x, axis = op.inputs[0], int(writer.scalar(op.inputs[1]))
    if writer.is_constant(x):  # halves of a convolution's weights
        for part, array in zip(op.outputs, np.split(writer.array(x), len(op.outputs), axis)):
            writer.define(part, np.ascontiguousarray(array))
        return
    writer.emit("Split", op, [x], axis=axis)


@_translates("split")
def _split(writer: Writer, op: Operation) -> None:
    x, sections, axis_value = op.inputs
    axis = int(writer.scalar(axis_value))
    if axis % len(x.shape) > 1 and writer.program.open_size:
        raise NotImplementedError(
            "split of rows or columns into parts of fixed sizes has no translation"
        )
    writer.emit("Split", op, [x, writer.integers(writer.array(sections))], axis=axis)


@_translates("pixel_shuffle", "pixel_unshuffle")
def _pixel_shuffle(writer: Writer, op: Operation) -> None:
    if op.attributes["data_format"] != "NCHW":
        raise NotImplementedError(f"{op.name} has a translation for NCHW only")
    if op.name == "pixel_shuffle":
        factor = op.attributes["upscale_factor"]
        writer.emit("DepthToSpace", op, op.inputs, blocksize=factor, mode="CRD")
    else:
        # The input's channels vary fastest in SpaceToDepth's output, but slowest in Paddle's.
        factor, (x,) = op.attributes["downscale_factor"], op.inputs
        name, channels = writer.name(op.outputs[0]), x.shape[1]
        order = np.arange(channels * factor**2).reshape(factor**2, channels).T.reshape(-1)
        writer.node("SpaceToDepth", [x], [f"{name}_blocks"], blocksize=factor)
        writer.emit("Gather", op, [f"{name}_blocks", writer.integers(order)], axis=1)


@_translates("pad3d")
def _pad(writer: Writer, op: Operation) -> None:
    x, amounts = op.inputs
    left, right, top, bottom, front, back = writer.array(amounts).tolist()
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
    pads = [0, 0, front, top, left, 0, 0, back, bottom, right]
    given = [x, writer.integers(pads)]
    if op.attributes["mode"] == "constant":
        given.append(writer.number(float(op.attributes["pad_value"])))
    writer.emit("Pad", op, given, mode=mode[op.attributes["mode"]])


@_translates("bilinear_interp")
def _bilinear(writer: Writer, op: Operation) -> None:
    mode = "asymmetric" if op.attributes["align_mode"] else "half_pixel"
    _resize(writer, op, mode="linear", coordinate_transformation_mode=mode)


@_translates("nearest_interp")
def _nearest(writer: Writer, op: Operation) -> None:
    _resize(
        writer,
        op,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _resize(writer: Writer, op: Operation, **attributes: str) -> None:
    x, (output,) = op.inputs[0], op.outputs
    if op.attributes["align_corners"]:
        raise NotImplementedError(f"{op.name} with aligned corners has no translation")
    factors = [after / before for before, after in zip(x.shape, output.shape)]
    scales = writer.constant(
        "scales_" + "_".join(f"{factor:g}" for factor in factors), np.array(factors, np.float32)
    )
    writer.emit("Resize", op, [x, "", scales], **attributes)
