"""The ONNX Runtime backend, on a CPU or an NVIDIA GPU."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np

from ...dependencies import cpu_count, install_extra, require
from ...errors import UsageError
from ..devices import CPU, Device
from ..memory import gpu_budget
from ..model import Model
from ..shared_statistics import STATISTIC, is_statistic_name
from .allocation import is_allocation_failure
from .base import INT32_ELEMENTS

# Measured working memory on a CPU, in bytes per number that `Model.floats_per_pixel` counts.
_BYTES = 8
_CUDA = "CUDAExecutionProvider"


def gpu_problem() -> str | None:
    """Why the installed ONNX Runtime cannot compute on a GPU, in one sentence; None if it can.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
    """
    providers = require("onnxruntime").get_available_providers()
    if _CUDA in providers:
        return None
    return (
        "the installed onnxruntime has no CUDA provider: run  pip uninstall onnxruntime  and  "
        f"{install_extra('gpu')}"
    )


class ONNXRuntimeBackend:
    """Runs an exported network.

    Args:
        model: the network and its weights.
        device: the CPU or a GPU.
        precision: ``auto``, ``f32`` or ``tf32``. tf32 rounds the factors of each product to 10
            mantissa bits; ``auto`` chooses tf32 on GPUs that support it, and f32 elsewhere.
        threads: default: all cores that this process may use.

    Raises:
        UsageError: ONNX Runtime cannot compute on the GPU.
    """

    name = "onnxruntime"

    def __init__(
        self,
        model: Model,
        device: Device = CPU,
        precision: str = "auto",
        threads: int | None = None,
    ):
        self._runtime = require("onnxruntime")
        self._model = model
        self._target = device
        self.device = str(device)
        on_gpu = device.kind == "gpu"
        self.precision = ("tf32" if device.bf16 else "f32") if precision == "auto" else precision
        self.threads = threads or cpu_count()
        self.bytes_per_pixel = _BYTES * model.floats_per_pixel
        self.pixel_limit = INT32_ELEMENTS / model.largest_tensor if on_gpu else math.inf
        self.keep_budget = 0.0  # not used: few sessions are kept
        # On a CPU, a session loads quickly, and each has a copy of the weights. On a GPU, one for
        # tiles and one that measures their statistics are kept.
        self._most_sessions = 2 if on_gpu else 1
        # By variant, and by size if the graph has a fixed size.
        self._sessions: OrderedDict[tuple[str, tuple[int, int] | None], Any] = OrderedDict()
        if on_gpu and hasattr(self._runtime, "preload_dlls"):
            self._runtime.preload_dlls()  # CUDA and cuDNN, if pip has installed them

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`."""
        if statistics is None:
            return self._infer("plain", {"x": picture})[0]
        given = {f"{STATISTIC}{i}": statistic for i, statistic in enumerate(statistics)}
        return self._infer("given", {"x": picture, **given})[0]

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        return self._infer("measuring", {"x": picture})[1:]

    def load_ahead(self, height: int, width: int, given: bool) -> bool:
        """See :class:`.base.Backend`; does nothing: sessions load quickly and take GPU memory."""
        return False

    found_ahead = has_loaded_ahead = False

    def forget(self) -> None:
        """See :class:`.base.Backend`; does nothing, as nothing is loaded ahead."""

    def whole_bytes(self, pixels: int) -> float:
        """See :class:`.base.Backend`."""
        return self.bytes_per_pixel * pixels

    kept_bytes = 0.0  # a session keeps little working memory

    def release(self) -> None:
        """See :class:`.base.Backend`."""
        self._sessions = OrderedDict()

    def _infer(self, variant: str, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = None
        try:
            session = self._session(variant, inputs["x"].shape[2:])
            return session.run(None, inputs, self._run_options(variant))
        except Exception as error:  # the runtime's exceptions have no other common base
            if not is_allocation_failure(error):
                raise
        del session  # frees its memory for a retry with smaller batches or tiles
        self.release()
        raise MemoryError(f"ONNX Runtime ran out of memory on {self.device}")

    def _run_options(self, variant: str) -> Any:
        """Options of a call; after measuring, a GPU's memory is released, as the tiles need it."""
        if self._target.kind == "cpu" or variant != "measuring":
            return None
        options = self._runtime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", self.device)
        return options

    def _session(self, variant: str, size: tuple[int, int]) -> Any:
        key = variant, size if self._model.local else None
        sessions = self._sessions  # another thread may release them meanwhile
        if key not in sessions:
            while len(sessions) >= self._most_sessions:  # free before loading
                sessions.popitem(last=False)
            sessions[key] = self._load(variant, size)
        sessions.move_to_end(key)
        return sessions[key]

    def _load(self, variant: str, size: tuple[int, int]) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3

        def load(graph: bytes) -> Any:
            if variant != "plain":
                graph = _rewire(graph, variant)
            return self._runtime.InferenceSession(graph, options, providers=self._providers())

        session = self._model.load_onnx(size, load)
        # If CUDA or cuDNN does not load, the runtime silently computes on the CPU.
        if self._target.kind == "gpu" and _CUDA not in session.get_providers():
            raise UsageError(
                f"ONNX Runtime cannot compute on {self.device}, because its CUDA provider does "
                f"not load: install CUDA and cuDNN with  {install_extra('gpu')}  or choose "
                "device='cpu'."
            )
        return session

    def _providers(self) -> list[Any]:
        if self._target.kind == "cpu":
            return ["CPUExecutionProvider"]
        options = {
            "device_id": str(self._target.index),
            "gpu_mem_limit": str(gpu_budget(self._target.total_memory, limit=True)),
            "arena_extend_strategy": "kSameAsRequested",
            # An exhaustive search for each shape would take longer than the tiles of a photo.
            "cudnn_conv_algo_search": "HEURISTIC",
            "use_tf32": str(int(self.precision == "tf32")),
        }
        return [(_CUDA, options), "CPUExecutionProvider"]


def _rewire(content: bytes, variant: str) -> bytes:
    """Turn the statistics into outputs (``measuring``) or inputs (``given``) of an ONNX file."""
    onnx = require("onnx")
    model = onnx.load_from_string(content)
    graph = model.graph
    nodes = [node for node in graph.node if is_statistic_name(node.output[0])]
    for node in nodes:
        name = node.output[0]
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        (graph.output if variant == "measuring" else graph.input).append(value)
        if variant == "given":
            graph.node.remove(node)
    return model.SerializeToString()
