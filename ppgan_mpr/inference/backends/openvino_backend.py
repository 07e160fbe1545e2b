"""The OpenVINO backend, on a CPU."""

from __future__ import annotations

import ctypes
import functools
import io
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import numpy as np

from ...dependencies import cpu_count, require
from ..memory import DEFAULT_BUDGET
from ..model import Model
from ..shared_statistics import STATISTIC, is_statistic_name
from .allocation import is_allocation_failure

# Measured working memory in bytes per number that `Model.floats_per_pixel` counts. Feature maps
# have the chosen precision, and some exist twice while their layout is converted.
_BYTES = {"f32": 6, "bf16": 3, "f16": 3}
# The same for a network compiled for any size, whose maps OpenVINO packs less tightly. The values
# for bf16 and f16 are derived from that for f32.
_BYTES_OF_ANY_SIZE = {"f32": 10, "bf16": 5, "f16": 5}
# Maximum number of compiled networks, as each has a copy of the weights. Upright and transposed
# pictures need two networks each: one for tiles and one to measure statistics.
_MAX_COMPILED = 4

# Variant of a network, and the shape that it is compiled for; None means any size.
_Key = tuple[str, Optional[tuple[int, ...]]]


@dataclass
class _Compiled:
    """A network that is ready to run.

    Attributes:
        request: runs the network.
        blob: memory that the network was loaded from, which the request may refer to.
        needed: working memory in bytes for the largest picture so far.
    """

    request: Any
    blob: memoryview | None
    needed: float = 0.0


class _Upcoming(NamedTuple):
    """A network that a thread loads.

    Attributes:
        key: of the network.
        found: whether the cache has it.
        result: the network, or None if it cannot be loaded from the cache.
        thread: ends soon after it has set the result.
    """

    key: _Key
    found: Future[bool]
    result: Future[_Compiled | None]
    thread: threading.Thread


class OpenVINOBackend:
    """Runs an exported network, compiled once for all small pictures, and for each larger size.

    Compiling takes as long as restoring a small picture. A network that is compiled for any size
    runs about as fast as one for a single size, but needs more memory. So it is used if the memory
    for the picture stays within the budget. The choice does not depend on which networks are
    loaded or how much memory is free: the results of the two differ by about 1e-6 in float32, and
    the same picture should always give the same pixels.

    Args:
        model: the network and its weights.
        precision: ``auto``, ``f32``, ``bf16`` or ``f16``; ``auto`` is bf16 if the processor
            supports it, else f32.
        threads: default: all cores that this process may use.
        budget: planned working memory in bytes.
    """

    name, device, pixel_limit = "openvino", "cpu", math.inf

    def __init__(
        self,
        model: Model,
        precision: str = "auto",
        threads: int | None = None,
        budget: float = DEFAULT_BUDGET,
    ):
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
        if self.threads < cpu_count():
            # OpenVINO would pin the threads of each process to the same first cores.
            self._options["ENABLE_CPU_PINNING"] = False
        self._compiled: OrderedDict[_Key, _Compiled] = OrderedDict()
        self._upcoming: _Upcoming | None = None
        self._releasing = threading.Lock()
        self.bytes_per_pixel = _BYTES[self.precision] * model.floats_per_pixel
        self._bytes_of_any_size = _BYTES_OF_ANY_SIZE[self.precision] * model.floats_per_pixel
        self._budget = budget
        self.keep_budget = 0.0

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """See :class:`.base.Backend`; the next call overwrites the result."""
        if statistics is None:
            return self._infer("plain", picture, {})[0]
        given = {f"{STATISTIC}{i}": statistic for i, statistic in enumerate(statistics)}
        return self._infer("given", picture, given)[0]

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """See :class:`.base.Backend`."""
        return [output.copy() for output in self._infer("measuring", picture, {})[1:]]

    def load_ahead(self, height: int, width: int, given: bool) -> bool:
        """See :class:`.base.Backend`; only a network in the cache is loaded ahead."""
        shape = (1, self._model.channels, height, width)
        key, needed = self._key("given" if given else "plain", shape)
        upcoming = self._upcoming
        if upcoming and upcoming.key == key:
            return True
        self._upcoming = None
        if key in self._compiled:
            return False
        # If statistics will be given, they are measured first, perhaps by a network that is kept
        # and must not be freed yet.
        if not given:
            self._make_room(needed)
        found: Future[bool] = Future()
        result: Future[_Compiled | None] = Future()

        def attempt(step: Callable[..., Any], *arguments: Any) -> Any:
            try:
                return step(*arguments)
            except Exception:  # ignored: the network is loaded again when it is needed
                return None

        def load() -> None:
            blob = attempt(self._find_cached, *key)
            found.set_result(blob is not None)
            result.set_result(attempt(self._load_cached, blob))

        thread = threading.Thread(target=load, name="loads a network")
        try:
            thread.start()
        except RuntimeError:  # no more threads: it is loaded when it is needed
            return False
        self._upcoming = _Upcoming(key, found, result, thread)
        return True

    @property
    def found_ahead(self) -> bool:
        """See :class:`.base.Backend`."""
        upcoming = self._upcoming
        return upcoming is not None and upcoming.found.result()

    @property
    def has_loaded_ahead(self) -> bool:
        """See :class:`.base.Backend`."""
        upcoming = self._upcoming
        return upcoming is not None and upcoming.result.result() is not None

    def forget(self) -> None:
        """See :class:`.base.Backend`; waits for the thread, so that the memory is free then."""
        upcoming, self._upcoming = self._upcoming, None
        if upcoming:
            upcoming.thread.join()

    def whole_bytes(self, pixels: int) -> float:
        """See :class:`.base.Backend`."""
        any_size = self._takes_any_size(pixels)
        return (self._bytes_of_any_size if any_size else self.bytes_per_pixel) * pixels

    def _takes_any_size(self, pixels: int) -> bool:
        """Whether whole pictures of ``pixels`` run in the network compiled for any size."""
        # Windows of local statistics depend on the size.
        return not self._model.local and self._bytes_of_any_size * pixels <= self._budget

    @property
    def kept_bytes(self) -> float:
        """See :class:`.base.Backend`."""
        return sum(compiled.needed for compiled in self._compiled.values())

    def release(self) -> None:
        """See :class:`.base.Backend`."""
        with self._releasing:  # a second caller waits until the memory is free
            compiled, self._compiled, self._upcoming = self._compiled, OrderedDict(), None
            del compiled

    def _resolve(self, precision: str) -> str:
        if precision != "auto":
            return precision
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if "BF16" in capabilities else "f32"

    def _infer(
        self, variant: str, picture: np.ndarray, inputs: dict[str, np.ndarray]
    ) -> list[np.ndarray]:
        try:
            compiled = self._compile(variant, picture.shape)
            request = compiled.request
            request.infer({"x": picture, **inputs}, share_inputs=True)
        except Exception as error:  # RuntimeError, or MemoryError from the cache of networks
            if is_allocation_failure(error):
                self.release()  # for a retry with smaller tiles
                raise MemoryError("OpenVINO ran out of memory") from None
            raise
        return [tensor.data for tensor in request.output_tensors]

    def _compile(self, variant: str, shape: tuple[int, ...]) -> _Compiled:
        key, needed = self._key(variant, shape)
        known = self._compiled.pop(key, None)
        if known is None or known.needed < needed:
            self._make_room(needed)
        compiled = known or self._loaded_ahead(key) or self._load(*key)
        compiled.needed = max(needed, compiled.needed)
        self._compiled[key] = compiled
        return compiled

    def _key(self, variant: str, shape: tuple[int, ...]) -> tuple[_Key, float]:
        """The network for a batch of this shape, and the working memory in bytes that it needs."""
        pixels = math.prod(shape[2:])
        if variant == "plain" and shape[0] == 1 and self._takes_any_size(pixels):
            return (variant, None), self.whole_bytes(pixels)
        # Tiles have few sizes, so each gets its own network, which needs less memory.
        return (variant, shape), self.bytes_per_pixel * pixels

    def _make_room(self, needed: float) -> None:
        """Free the least recently used networks, to make room for one of ``needed`` bytes."""
        compiled = self._compiled  # another thread may release it meanwhile
        while compiled and (
            len(compiled) >= _MAX_COMPILED or self.kept_bytes + needed > self.keep_budget
        ):
            compiled.popitem(last=False)

    def _loaded_ahead(self, key: _Key) -> _Compiled | None:
        """The network that :meth:`load_ahead` loads, if it has this key and is in the cache."""
        upcoming = self._upcoming
        if upcoming is None or upcoming.key != key:
            return None
        self._upcoming = None
        return upcoming.result.result()

    def _load(self, variant: str, shape: tuple[int, ...] | None) -> _Compiled:
        cached = self._load_cached(self._find_cached(variant, shape))
        if cached is not None:
            return cached
        graph = self._graph(variant, shape)  # announces its own export
        with self._model.preparation.announced(exported=True):
            compiled = self._core.compile_model(graph, "CPU", self._options)
        self._model.cache.store(compiled.export_model().read(), *self._cache_key(variant, shape))
        return _Compiled(compiled.create_infer_request(), None)

    def _find_cached(self, variant: str, shape: tuple[int, ...] | None) -> memoryview | None:
        return self._model.cache.load(*self._cache_key(variant, shape))

    def _load_cached(self, blob: memoryview | None) -> _Compiled | None:
        if blob is None:
            return None
        try:
            return _Compiled(self._import(blob).create_infer_request(), blob)
        except (RuntimeError, ValueError):
            return None  # the blob is invalid, or from another build of this OpenVINO version

    def _cache_key(self, variant: str, shape: tuple[int, ...] | None) -> tuple[Any, ...]:
        name = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        options = sorted(self._options.items())
        version = self._ov.__version__
        return "openvino", version, name, options, variant, shape, *self._model.key

    def _import(self, blob: memoryview) -> Any:
        content = np.frombuffer(blob, np.uint8)
        try:
            shared = self._ov.Tensor(content, shared_memory=True)
            return self._core.import_model(shared, "CPU", self._options)
        except TypeError:  # OpenVINO up to 2025.3 accepts only a stream, which it copies
            return self._core.import_model(io.BytesIO(blob), "CPU", self._options)

    def _graph(self, variant: str, shape: tuple[int, ...] | None) -> Any:
        size = None if shape is None else (shape[2], shape[3])
        return self._model.load_onnx(size, lambda content: self._read(content, variant, shape))

    def _read(self, content: bytes, variant: str, shape: tuple[int, ...] | None) -> Any:
        graph = self._core.read_model(content)
        any_size = [1, self._model.channels, -1, -1]
        graph.reshape({"x": self._ov.PartialShape(list(shape or any_size))})
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
    """The OpenVINO ``Core`` of this process, with its CPU plugin loaded.

    The plugin installs an alternative signal stack in the thread that loads it. The memory of this
    stack is freed with the plugin, so a later signal, such as Ctrl-C, would crash the process.
    Therefore the alternative stack is disabled, and signals use the ordinary one.
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
    """The outputs of an OpenVINO model that are statistics, in order."""
    found = {}
    for node in graph.get_ops():
        for output in node.outputs():
            for name in output.names:
                if is_statistic_name(name):
                    found[int(name.rpartition("_")[2])] = output
    return [found[index] for index in sorted(found)]
