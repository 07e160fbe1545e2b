"""The network in ONNX Runtime, on a CPU."""

from __future__ import annotations

import numpy as np

from ...dependencies import cpu_count, require
from ...errors import UsageError

_BYTES = 8  # of working memory for each number alive, measured


class ONNXRuntimeBackend:
    """Runs an exported network in float32.

    Args:
        model: see :class:`~ppgan_mpr.inference.model.Model`.
        precision: ``auto`` or ``f32``.
        threads: default: all cores this process may use.

    Raises:
        UsageError: another precision, which ONNX Runtime's CPU kernels lack.
    """

    name, device, precision = "onnxruntime", "cpu", "f32"

    def __init__(self, model, precision: str = "auto", threads: int | None = None):
        self._runtime = require("onnxruntime")
        if precision not in ("auto", "f32"):
            raise UsageError(
                f"backend onnxruntime computes in f32 on a CPU, not in {precision}: "
                "choose --precision f32 or --backend openvino."
            )
        self._model = model
        self.size_multiple = model.facts["size_multiple"]
        self.threads = threads or cpu_count()
        self.bytes_per_pixel = _BYTES * model.facts["floats_per_pixel"]
        self.room = 0.0  # not used: nothing is kept
        self._loaded = self._session = None

    def run(self, picture: np.ndarray, averages: list | None = None) -> np.ndarray:
        """See :mod:`ppgan_mpr.inference.backends`."""
        if averages is None:
            return self._infer("plain", {"x": picture})[0]
        given = {f"average_{i}": average for i, average in enumerate(averages)}
        return self._infer("given", {"x": picture, **given})[0]

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :mod:`ppgan_mpr.inference.backends`."""
        return self._infer("measuring", {"x": picture})[1:]

    kept = 0.0  # what a session keeps is small

    def release(self) -> None:
        """See :mod:`ppgan_mpr.inference.backends`."""
        self._session = self._loaded = None

    def _infer(self, variant: str, inputs: dict) -> list[np.ndarray]:
        wanted = variant, inputs["x"].shape[2:] if self._model.local else None
        if wanted != self._loaded:
            self._session = None  # one at a time: each holds all the weights
            self._session, self._loaded = self._load(variant, inputs["x"].shape[2:]), wanted
        try:
            return self._session.run(None, inputs)
        except Exception as error:  # the runtime's classes derive from Exception alone
            if "bad_alloc" in str(error) or "allocate" in str(error):
                raise MemoryError("ONNX Runtime has too little memory") from None
            raise

    def _load(self, variant: str, size: tuple):
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        graph = self._model.onnx(size)
        if variant != "plain":
            graph = _rewire(graph, variant)
        return self._runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _rewire(content: bytes, variant: str) -> bytes:
    """Make the averages outputs (``measuring``) or inputs (``given``) of the graph."""
    onnx = require("onnx")
    model = onnx.load_from_string(content)
    graph = model.graph
    pools = [node for node in graph.node if node.output[0].startswith("average_")]
    for node in pools:
        name = node.output[0]
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        (graph.output if variant == "measuring" else graph.input).append(value)
        if variant == "given":
            graph.node.remove(node)
    return model.SerializeToString()
