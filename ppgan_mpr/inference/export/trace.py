"""A Paddle network as a list of operations.

Paddle 3 describes a traced network as a program of its intermediate representation (PIR).
Its own exporters write that program in a form that other runtimes cannot read, so it is
read here and rewritten by :mod:`.onnx_graph`.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...dependencies import require
from ...errors import MissingDependencyError

# Any size will do: nothing that depends on it survives in the exported graph.
_SIZE = 64


@dataclass(frozen=True)
class Value:
    """A tensor: its identity, and its shape for the picture that was traced."""

    id: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One step of the network.

    Attributes:
        name: of Paddle's operator, such as ``conv2d``.
        inputs: a value, a tuple of values where the operator takes a list, or None where an
            optional input is absent.
        outputs: values.
        attributes: as Paddle names them.
    """

    name: str
    inputs: tuple[Any, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """A traced network.

    Attributes:
        operations: in order of execution.
        constants: identity of a value → array, for parameters and literals.
        input: the picture, [1, C, H, W].
        output: the restored picture.
        statistics: what the layers reduce whole maps to, and tiles share; in order of execution.
        open_size: the picture may have any size; else only the one that was traced.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[str, np.ndarray]
    input: Value
    output: Value
    statistics: tuple[Value, ...] = ()
    open_size: bool = True

    def floats_per_pixel(self) -> float:
        """The most numbers alive at one time, for each pixel of the picture.

        Counts every tensor from the step that makes it to the last that needs it, which is
        how runtimes plan their memory.
        """
        last_use = {self.output.id: len(self.operations)}
        for step, op in enumerate(self.operations):
            last_use.update((value.id, step) for value in flat(op.inputs))
        alive, most = {}, 0
        for step, op in enumerate(self.operations):
            alive.update((value.id, math.prod(value.shape)) for value in op.outputs)
            most = max(most, sum(alive.values()))
            alive = {key: size for key, size in alive.items() if last_use.get(key, 0) > step}
        return most / math.prod(self.input.shape[2:])


def flat(inputs: Iterable[Any]) -> Iterator[Value]:
    """The values among an operation's inputs, those in lists too."""
    for item in inputs:
        if isinstance(item, tuple):
            yield from flat(item)
        elif item is not None:
            yield item


def is_statistic(output: Any) -> bool:
    """Whether a layer's output [N, C, ...] holds one number for each channel of a map."""
    return all(side == 1 for side in output.shape[2:])


def trace(
    network: Any,
    channels: int = 3,
    shared_layers: tuple[type, ...] = (),
    size: tuple[int, int] | None = None,
) -> Program:
    """Record what ``network`` computes for its first result.

    Args:
        network: a ``paddle.nn.Layer`` in evaluation mode; its forward takes [1, C, H, W] and
            returns a list, the result first, or the result alone.
        channels: C.
        shared_layers: classes of the layers whose outputs become ``Program.statistics``.
        size: height and width of the picture; default: any.

    Raises:
        MissingDependencyError: this PaddlePaddle has no PIR (it is older than 3.0).
    """
    paddle = require("paddle")
    if paddle.__version__.startswith(("1.", "2.")):  # builds from source say 0.0.0
        raise MissingDependencyError(
            f"Exporting needs PaddlePaddle 3, and {paddle.__version__} is installed: "
            "run  pip install 'paddlepaddle>=3'  or choose backend='paddle'"
        )
    shared: list[str] = []  # ids of statistics
    shape = [1, channels, *(size or (_SIZE, _SIZE))]
    concrete = _static_program(paddle, network, shared_layers, shared, shape)
    return _read(concrete, network, shared, open_size=size is None)


def _static_program(
    paddle: Any, network: Any, shared_layers: tuple[type, ...], shared: list[str], shape: list[int]
) -> Any:
    def note(layer: Any, inputs: Any, output: Any) -> None:
        if is_statistic(output):
            shared.append(output.id)

    class FirstResult(paddle.nn.Layer):  # type: ignore[misc]  # Paddle has no types
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, picture: Any) -> Any:
            shared.clear()  # Paddle may call it more than once
            outputs = self.network(picture)
            return outputs[0] if isinstance(outputs, (list, tuple)) else outputs

    # The networks hold no control flow that depends on values, so their code need not be
    # rewritten into static graph form, which would take most of the time.
    modules = {type(layer).__module__ for layer in network.sublayers(include_self=True)}
    own = [module for name, module in sys.modules.items() if name.startswith("ppgan_mpr.")]
    own += [sys.modules[name] for name in modules if not name.startswith(("ppgan_mpr.", "paddle."))]
    hooks = [
        layer.register_forward_post_hook(note)
        for layer in network.sublayers(include_self=True)
        if isinstance(layer, shared_layers)
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            paddle.jit.ignore_module(own)
            spec = paddle.static.InputSpec(shape, "float32")
            traced = paddle.jit.to_static(FirstResult(), input_spec=[spec], full_graph=True)
            traced.eval()
            return traced.forward.concrete_program
    finally:
        for hook in hooks:
            hook.remove()


def _read(concrete: Any, network: Any, shared: list[str], open_size: bool) -> Program:
    tensors = {tensor.name: tensor for tensor in (*network.parameters(), *network.buffers())}
    operations: list[Operation] = []
    constants: dict[str, np.ndarray] = {}
    lists: dict[str, tuple[Value | None, ...]] = {}
    picture: Any = None

    def value(source: Any) -> Any:
        if source is None or not source.initialized():
            return None
        if source.id in lists:
            return lists[source.id]
        return Value(source.id, tuple(source.shape))

    for op in concrete.main_program.global_block().ops:
        name = op.name()
        if name == "builtin.split":
            # The list was made by the operation before: its parts are that one's outputs.
            outputs = tuple(value(part) for part in op.results())
            operations[-1] = replace(operations[-1], outputs=outputs)
            continue
        result = op.result(0) if op.num_results() else None
        inputs = tuple(value(source) for source in op.operands_source())
        if name == "builtin.parameter":
            constants[result.id] = tensors[op.attrs()["parameter_name"]].numpy()
        elif name == "pd_op.full":
            constants[result.id] = np.full(op.attrs()["shape"], op.attrs()["value"])
        elif name == "pd_op.full_int_array":
            constants[result.id] = np.array(op.attrs()["value"], np.int64)
        elif name == "pd_op.data":
            picture = value(result)
        elif name == "builtin.combine":
            lists[result.id] = inputs
        else:
            makes_list = op.result(0).is_dense_tensor_type() is False
            outputs = () if makes_list else tuple(value(result) for result in op.results())
            operations.append(Operation(name.partition(".")[2], inputs, outputs, op.attrs()))
    (result,) = (output for output in concrete.outputs if output is not None)
    made = {made.id: made for op in operations for made in op.outputs}
    statistics = tuple(made[id_] for id_ in shared)
    return Program(tuple(operations), constants, picture, value(result), statistics, open_size)
