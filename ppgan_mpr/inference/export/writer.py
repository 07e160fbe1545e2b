"""Writes the operations of a traced network as nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

import numpy as np

from ...dependencies import require
from ...version import __version__
from ..shared_statistics import STATISTIC
from .trace import Operation, Program, Value, flat

_OPSET = 17

#: A function that writes one operation.
Translator = Callable[["Writer", Operation], None]


class Writer:
    """Writes an ONNX model of the operations that the output of a program needs.

    Args:
        program: the traced network.
        translate: name of an operator → the function that writes it.

    Attributes:
        program: as given.
    """

    def __init__(self, program: Program, translate: Callable[[str], Translator]):
        self._translate = translate
        self._onnx = require("onnx")
        self.program = program
        self._constants = dict(program.constants)
        self._makers = {value.id: op for op in program.operations for value in op.outputs}
        self._names = {program.input.id: "x", program.output.id: "y"}
        self._nodes: list[Any] = []
        self._initializers: dict[str, np.ndarray] = {}

    def model(self) -> Any:
        """See :func:`write_onnx`."""
        helper, program = self._onnx.helper, self.program
        needed = self._needed()
        self._name_statistics(needed)
        for op in program.operations:
            if id(op) in needed:
                self._translate(op.name)(self, op)

        graph = helper.make_graph(
            self._nodes,
            "network",
            [self._picture("x", program.input)],
            [self._picture("y", program.output)],
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

    def emit(
        self, kind: str, op: Operation, inputs: Iterable[Value | str], **attributes: Any
    ) -> None:
        """Write an ONNX node that computes the operation's outputs."""
        outputs = [self.name(value) for value in op.outputs]
        self.node(kind, inputs, outputs, **attributes)

    def emit_first(
        self, kind: str, op: Operation, inputs: Iterable[Value | str], **attributes: Any
    ) -> None:
        """Write an ONNX node that computes the operation's first output, the only one used."""
        self.node(kind, inputs, [self.name(op.outputs[0])], **attributes)

    def node(
        self, kind: str, inputs: Iterable[Value | str], outputs: list[str], **attributes: Any
    ) -> None:
        """Write an ONNX node."""
        names = [item if isinstance(item, str) else self.name(item) for item in inputs]
        self._nodes.append(self._onnx.helper.make_node(kind, names, outputs, **attributes))

    def name(self, value: Value) -> str:
        """The name of a value in the ONNX graph."""
        if self.is_constant(value):
            return self.constant(f"c{value.id}", self._constants[value.id])
        return self._names.setdefault(value.id, f"v{len(self._names)}")

    def constant(self, name: str, array: np.ndarray) -> str:
        """Write a constant, once for each name, and return the name."""
        self._initializers.setdefault(name, array)
        return name

    def integers(self, values: Any) -> str:
        """Write an int64 constant and return its name."""
        array = np.asarray(values, np.int64)
        return self.constant(f"int_{array.shape}_{array.tolist()}", array)

    def number(self, value: float) -> str:
        """Write a float32 constant and return its name."""
        return self.constant(f"float_{value!r}", np.asarray(value, np.float32))

    def array(self, value: Value) -> np.ndarray:
        """The array of a constant value."""
        if not self.is_constant(value):
            raise NotImplementedError("an argument that depends on the picture has no translation")
        return self._constants[value.id]

    def is_constant(self, value: Value) -> bool:
        """Whether a value is a parameter, a literal, or computed only from these."""
        return value.id in self._constants

    def define(self, value: Value, array: np.ndarray) -> None:
        """Record the result of an operation on constants as a constant."""
        self._constants[value.id] = array

    def scalar(self, value: Value) -> Any:
        """The number in a constant value with one element."""
        return self.array(value).reshape(-1)[0]

    def _needed(self) -> set[int]:
        needed: set[int] = set()
        pending = [self.program.output]
        while pending:
            op = self._makers.get(pending.pop().id)
            if op is not None and id(op) not in needed:
                needed.add(id(op))
                pending.extend(flat(op.inputs))
        return needed

    def _name_statistics(self, needed: set[int]) -> None:
        shared = (
            value for value in self.program.statistics if id(self._makers[value.id]) in needed
        )
        for number, value in enumerate(shared):
            self._names[value.id] = f"{STATISTIC}{number}"

    def _picture(self, name: str, value: Value) -> Any:
        size = ("height", "width") if self.program.open_size else value.shape[2:]
        kind = self._onnx.TensorProto.FLOAT
        return self._onnx.helper.make_tensor_value_info(
            name, kind, ["batch", value.shape[1], *size]
        )
