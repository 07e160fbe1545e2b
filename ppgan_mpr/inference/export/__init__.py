"""From a Paddle network to ONNX: tracing it, and writing what was traced."""

from .onnx_graph import STATISTIC, write_onnx
from .trace import Program, trace

__all__ = ["STATISTIC", "Program", "trace", "write_onnx"]
