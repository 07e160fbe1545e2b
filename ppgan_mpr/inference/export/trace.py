"""Traces a Paddle network into a list of operations.

Paddle 3 describes a traced network as a program in its intermediate representation (PIR).
Other runtimes cannot read the format in which Paddle exports a program. So this module reads the
program, and :mod:`.onnx_graph` writes it as ONNX.
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
from ..shared_statistics import is_statistic

# Side of the traced picture. Its value does not matter, as no exported operation depends on it.
_SIZE = 64


@dataclass(frozen=True)
class Value:
    """A tensor of a traced network.

    Attributes:
        id: unique in its program.
        shape: its shape for the traced picture.
    """

    id: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One operation of a traced network.

    Attributes:
        name: Paddle's name of the operator, such as ``conv2d``.
        inputs: each is a value, a tuple of values if the operator takes a list, or None if an
            optional input is missing.
        outputs: the values that it computes.
        attributes: Paddle's name → value.
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
        constants: id of a value → array, for parameters and literals.
        input: the picture, [1, C, H, W].
        output: the restored picture.
        statistics: outputs of layers that reduce whole maps, in order of execution; tiles share
            them.
        open_size: whether the picture may have any size, not only the traced one.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[str, np.ndarray]
    input: Value
    output: Value
    statistics: tuple[Value, ...] = ()
    open_size: bool = True

    def floats_per_pixel(self) -> float:
        """Peak memory: the largest count of numbers alive at once, per pixel of the picture.

        A tensor is alive from the operation that computes it to the last one that uses it.
        Runtimes plan their memory in the same way.
        """
        last_use = {self.output.id: len(self.operations)}
        for step, op in enumerate(self.operations):
            last_use.update((value.id, step) for value in flat(op.inputs))
        alive: dict[str, int] = {}
        most = 0
        for step, op in enumerate(self.operations):
            alive.update((value.id, math.prod(value.shape)) for value in op.outputs)
            most = max(most, sum(alive.values()))
            alive = {key: size for key, size in alive.items() if last_use.get(key, 0) > step}
        return most / math.prod(self.input.shape[2:])

    def largest_tensor(self) -> float:
        """The count of numbers in the largest tensor, per pixel of the picture.

        Tensors that do not depend on the picture, such as weights, do not count.
        """
        sizes = {self.input.id: math.prod(self.input.shape)}
        for op in self.operations:
            if any(value.id in sizes for value in flat(op.inputs)):
                sizes.update((value.id, math.prod(value.shape)) for value in op.outputs)
        return max(sizes.values()) / math.prod(self.input.shape[2:])


def flat(inputs: Iterable[Any]) -> Iterator[Value]:
    """All values among an operation's inputs, including those in lists."""
    for item in inputs:
        if isinstance(item, tuple):
            yield from flat(item)
        elif item is not None:
            yield item


def trace(
    network: Any,
    channels: int = 3,
    shared_layers: tuple[type[Any], ...] = (),
    size: tuple[int, int] | None = None,
) -> Program:
    """Trace the operations that compute a network's first result.

    Args:
        network: a ``paddle.nn.Layer`` in evaluation mode. It maps [1, C, H, W] to the result, or
            to a list that starts with the result.
        channels: C.
        shared_layers: classes of the layers whose outputs become ``Program.statistics``.
        size: height and width of all pictures; default: any size.

    Raises:
        MissingDependencyError: this PaddlePaddle has no PIR (it is older than 3.0).
    """
    paddle = require("paddle")
    if paddle.__version__.startswith(("1.", "2.")):  # 0.0.0 is a build from source
        raise MissingDependencyError(
            f"Exporting needs PaddlePaddle 3, but {paddle.__version__} is installed: "
            "run  pip install 'paddlepaddle>=3'  or choose backend='paddle'"
        )
    shared: list[str] = []  # ids of statistics
    shape = [1, channels, *(size or (_SIZE, _SIZE))]
    concrete = _static_program(paddle, network, shared_layers, shared, shape)
    return _read(concrete, network, shared, open_size=size is None)


def _static_program(
    paddle: Any,
    network: Any,
    shared_layers: tuple[type[Any], ...],
    shared: list[str],
    shape: list[int],
) -> Any:
    def note(layer: Any, inputs: Any, output: Any) -> None:
        if is_statistic(output):
            shared.append(output.id)

    class FirstResult(paddle.nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        # Otherwise Paddle would write translated code to files in the user's home.
        @paddle.jit.not_to_static
        def forward(self, picture: Any) -> Any:
            shared.clear()  # Paddle may call it more than once
            outputs = self.network(picture)
            return outputs[0] if isinstance(outputs, (list, tuple)) else outputs

    # No network has control flow that depends on values. So Paddle need not translate source code,
    # which would take most of the time.
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
            # Unpacks the list that the previous operation returned, so these are its outputs.
            outputs = tuple(value(part) for part in op.results())
            operations[-1] = replace(operations[-1], outputs=outputs)
            continue
        result: Any = op.result(0) if op.num_results() else None
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
    outputs_by_id = {output.id: output for op in operations for output in op.outputs}
    statistics = tuple(outputs_by_id[id_] for id_ in shared)
    return Program(tuple(operations), constants, picture, value(result), statistics, open_size)
