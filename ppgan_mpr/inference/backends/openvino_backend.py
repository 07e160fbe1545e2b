"""The network in OpenVINO, on a CPU."""

from __future__ import annotations

import ctypes
import functools
import io
import math
import sys
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...dependencies import cpu_count, require
from ..export import STATISTIC
from ..model import Model

# Bytes of working memory for each number alive, measured: the results of convolutions are
# held in the precision asked for, and some of them twice while their layout changes.
_BYTES = {"f32": 6, "bf16": 3, "f16": 3}
# Compiled networks kept, whatever their room: each holds the weights. Two for tiles and two for
# measuring serve upright and turned pictures in turn.
_KEPT = 4


class OpenVINOBackend:
    """Runs an exported network, compiled for each size of picture it meets.

    Args:
        model: see :class:`~ppgan_mpr.inference.model.Model`.
        precision: ``auto``, ``f32``, ``bf16`` or ``f16``.
        threads: default: all cores this process may use.
    """

    name, device = "openvino", "cpu"

    def __init__(self, model: Model, precision: str = "auto", threads: int | None = None):
        self._ov = require("openvino")
        self._core = _core()
        self._model = model
        self.precision = self._resolve(precision)
        self.threads = threads or cpu_count()
        self._options = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._compiled: OrderedDict[tuple[str, tuple[int, ...]], Any] = OrderedDict()
        self.bytes_per_pixel = _BYTES[self.precision] * model.floats_per_pixel
        self.keep_budget = 0.0

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`; the result is valid until the next call."""
        if statistics is None:
            return self._infer("plain", picture, {})[0]
        given = {f"{STATISTIC}{i}": statistic for i, statistic in enumerate(statistics)}
        return self._infer("given", picture, given)[0]

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        return [output.copy() for output in self._infer("measuring", picture, {})[1:]]

    @property
    def kept_bytes(self) -> float:
        """See :class:`.base.Backend`."""
        return self._needed(self._compiled.keys())

    def release(self) -> None:
        """See :class:`.base.Backend`."""
        self._compiled.clear()

    def _resolve(self, precision: str) -> str:
        if precision != "auto":
            return precision
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if "BF16" in capabilities else "f32"

    def _infer(
        self, variant: str, picture: np.ndarray, inputs: dict[str, np.ndarray]
    ) -> list[np.ndarray]:
        try:
            request = self._request(variant, picture.shape)
            request.infer({"x": picture, **inputs}, share_inputs=True)
        except RuntimeError as error:
            if "bad_alloc" in str(error) or "allocate" in str(error):
                self._compiled.clear()  # for the smaller tiles that are tried next
                raise MemoryError("OpenVINO has too little memory") from None
            raise
        return [tensor.data for tensor in request.output_tensors]

    def _request(self, variant: str, shape: tuple[int, ...]) -> Any:
        key = (variant, shape)
        if key not in self._compiled:
            while self._compiled and (
                len(self._compiled) >= _KEPT
                or self._needed([key, *self._compiled]) > self.keep_budget
            ):
                self._compiled.popitem(last=False)
            compiled, blob = self._load(variant, shape)
            # Beside the request, because it may point into the blob for as long as it lives.
            self._compiled[key] = compiled.create_infer_request(), blob
        self._compiled.move_to_end(key)
        return self._compiled[key][0]

    def _needed(self, keys: Iterable[tuple[str, tuple[int, ...]]]) -> float:
        """Working memory of compiled sizes, each of which has its own."""
        return sum(self.bytes_per_pixel * math.prod(shape[2:]) for _, shape in keys)

    def _load(self, variant: str, shape: tuple[int, ...]) -> tuple[Any, memoryview | None]:
        cache, ov = self._model.cache, self._ov
        name = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        key = ("openvino", ov.__version__, name, sorted(self._options.items()), variant, shape)
        blob = cache.load(*key, *self._model.key)
        if blob is not None:
            try:
                return self._import(blob), blob
            except RuntimeError:
                pass  # of another build of the same version
        compiled = self._core.compile_model(self._graph(variant, shape), "CPU", self._options)
        cache.store(compiled.export_model().read(), *key, *self._model.key)
        return compiled, None

    def _import(self, blob: memoryview) -> Any:
        content = np.frombuffer(blob, np.uint8)
        try:
            shared = self._ov.Tensor(content, shared_memory=True)
            return self._core.import_model(shared, "CPU", self._options)
        except TypeError:  # OpenVINO 2025.3 and older take a stream, and copy it
            return self._core.import_model(io.BytesIO(blob), "CPU", self._options)

    def _graph(self, variant: str, shape: tuple[int, ...]) -> Any:
        graph = self._core.read_model(self._model.onnx((shape[2], shape[3])))
        graph.reshape({"x": list(shape)})
        statistics = _statistics(graph)
        if variant == "measuring" and statistics:
            graph.add_outputs([output.any_name for output in statistics])
        elif variant == "given":
            for output in statistics:
                name = output.any_name
                given = self._ov.opset8.parameter(output.shape, np.float32, name=name)
                output.replace(given.output(0))
                given.output(0).set_names({name})
                graph.add_parameters([given])
        return graph


@functools.lru_cache(maxsize=1)
def _core() -> Any:
    """The one ``Core`` of this process, its CPU plugin loaded.

    The plugin gives the thread that loads it a signal stack of its own memory, which is
    freed with the plugin, perhaps by another thread: a signal that arrives later, Ctrl-C
    for one, would crash. Signals are as well served on the ordinary stack.
    """
    core = require("openvino").Core()
    core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    if sys.platform == "linux":
        disabled = _SignalStack(None, 2, 0)  # SS_DISABLE
        ctypes.CDLL(None).sigaltstack(ctypes.byref(disabled), None)
    return core


class _SignalStack(ctypes.Structure):
    """``stack_t`` of sigaltstack(2)."""

    _fields_ = (
        ("sp", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


def _statistics(graph: Any) -> list[Any]:
    """The outputs with the names of statistics, in order."""
    found = {}
    for node in graph.get_ops():
        for output in node.outputs():
            for name in output.names:
                if name.startswith(STATISTIC):
                    found[int(name.rpartition("_")[2])] = output
    return [found[index] for index in sorted(found)]
