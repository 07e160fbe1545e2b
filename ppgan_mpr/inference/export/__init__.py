"""Export of Paddle networks to ONNX: tracing a network, then writing its operations."""

from .onnx_graph import write_onnx
from .trace import Program, trace

__all__ = ["Program", "trace", "write_onnx"]
