"""Exports Paddle networks to ONNX: traces a network, then writes its operations."""

from .onnx_graph import write_onnx
from .trace import Program, trace

__all__ = ["Program", "trace", "write_onnx"]
