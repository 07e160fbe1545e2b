"""The ONNX Runtime backend, on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dependencies import cpu_count, require
from ..model import Model
from ..shared_statistics import STATISTIC
from .allocation import is_allocation_failure

_BYTES = 8  # measured working memory for each number of `Model.floats_per_pixel`


class ONNXRuntimeBackend:
    """Runs an exported network in float32.

    Args:
        model: the network and its weights.
        threads: default: all cores that this process may use.
    """

    name, device, precision = "onnxruntime", "cpu", "f32"

    def __init__(self, model: Model, threads: int | None = None):
        self._runtime = require("onnxruntime")
        self._model = model
        self.threads = threads or cpu_count()
        self.bytes_per_pixel = _BYTES * model.floats_per_pixel
        self.keep_budget = 0.0  # not used: nothing is kept
        self._loaded: tuple[str, tuple[int, int] | None] | None = None  # variant, fixed size
        self._session: Any = None

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`."""
        if statistics is None:
            return self._infer("plain", {"x": picture})[0]
        given = {f"{STATISTIC}{i}": statistic for i, statistic in enumerate(statistics)}
        return self._infer("given", {"x": picture, **given})[0]

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        return self._infer("measuring", {"x": picture})[1:]

    kept_bytes = 0.0  # a session keeps little working memory

    def release(self) -> None:
        """See :class:`.base.Backend`."""
        self._session = self._loaded = None

    def _infer(self, variant: str, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        height, width = inputs["x"].shape[2:]
        wanted = variant, (height, width) if self._model.local else None
        try:
            if wanted != self._loaded:
                self._session = None  # freed first, because each session has a copy of the weights
                self._session, self._loaded = self._load(variant, (height, width)), wanted
            return self._session.run(None, inputs)
        except Exception as error:  # the runtime's exceptions have no other common base
            if is_allocation_failure(error):
                self.release()  # frees memory for a retry with smaller tiles
                raise MemoryError("ONNX Runtime ran out of memory") from None
            raise

    def _load(self, variant: str, size: tuple[int, int]) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3

        def load(graph: bytes) -> Any:
            if variant != "plain":
                graph = _rewire(graph, variant)
            return self._runtime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )

        return self._model.load_onnx(size, load)


def _rewire(content: bytes, variant: str) -> bytes:
    """Turn the statistics into outputs (``measuring``) or inputs (``given``) of an ONNX file."""
    onnx = require("onnx")
    model = onnx.load_from_string(content)
    graph = model.graph
    nodes = [node for node in graph.node if node.output[0].startswith(STATISTIC)]
    for node in nodes:
        name = node.output[0]
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        (graph.output if variant == "measuring" else graph.input).append(value)
        if variant == "given":
            graph.node.remove(node)
    return model.SerializeToString()
