"""Writes a traced Paddle network as an ONNX model for pictures of any size.

Paddle's own exporters are not suitable. Paddle 3 writes its new intermediate representation (PIR),
which OpenVINO does not read. paddle2onnx fails on ``interpolate`` with a scale factor. And neither
names the statistics that tiles share, which backends turn into inputs or outputs.
"""

from __future__ import annotations

from typing import Any

from .operators import find_translator
from .trace import Program
from .writer import Writer


def write_onnx(program: Program) -> Any:
    """Write a traced network as an ONNX model.

    Args:
        program: see :func:`.trace.trace`.

    Returns:
        An ``onnx.ModelProto`` with the input ``x`` [N, C, height, width] and the output ``y``.
        Height and width are dynamic unless the program was traced for one size. Operations
        that the first result does not need are left out. The names of the statistics that
        tiles share begin with :data:`~ppgan_mpr.inference.shared_statistics.STATISTIC`.

    Raises:
        MissingDependencyError: onnx is not installed.
        NotImplementedError: the network uses an operator without a translation.
    """
    return Writer(program, find_translator).model()
