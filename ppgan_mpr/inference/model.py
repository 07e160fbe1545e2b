"""A network with its weights, which backends use as layers or as an ONNX file from the cache."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..dependencies import installed_version, require
from ..networks.spec import NetworkSpec, resolve
from ..paddle_mode import changing_mode
from ..version import __version__
from ..weights import load_weights
from .cache import Cache
from .code_digest import code_digest
from .preparation import Preparation
from .stages import with_all_stages

if TYPE_CHECKING:
    from .export import Program

Loaded = TypeVar("Loaded")

logger = logging.getLogger(__name__)

_LARGE = 768, 768  # a height and width larger than the windows of local statistics
_GRAPH, _FACTS = "onnx graph 2", "facts 4"  # kinds of cache entries, with their versions
_FACT_NAMES = "floats_per_pixel", "largest_tensor"


class Model:
    """A network with its weights, built only if a backend needs its layers.

    Args:
        identity: identifies network and weights in the cache; equal only for equal weights.
        spec: specification of the network.
        build: builds the ``paddle.nn.Layer`` in evaluation mode.
        cache: for exported graphs.
        channels: channels of the network's input.
        local: whether statistics are taken over windows (TLC) instead of the whole picture.
        stages: whether the output holds the pictures of all stages, see :mod:`.stages`.
        title: for messages; default: the network's title.
        silent: do not announce the export and the compilation.

    Attributes:
        preparation: announces the export, and the compilation by a backend.
    """

    def __init__(
        self,
        identity: str,
        spec: NetworkSpec,
        build: Callable[[], Any],
        cache: Cache,
        *,
        channels: int = 3,
        local: bool = False,
        stages: bool = False,
        title: str = "",
        silent: bool = False,
    ):
        self.identity = identity
        self.spec = spec
        self.cache = cache
        self.channels = channels
        self.local = local
        self.stages = stages
        self.preparation = Preparation(title or spec.title, silent)
        self._build = build

    @cached_property
    def network(self) -> Any:
        """The ``paddle.nn.Layer``; the first access reads the weights."""
        with changing_mode():
            network = self._build()
            if self.local:
                self.spec.localise(network, self.channels)
            return with_all_stages(network) if self.stages else network

    @property
    def shared_layers(self) -> tuple[type[Any], ...]:
        """Classes of the layers whose statistics tiles share."""
        return tuple(map(resolve, self.spec.shared_layers))

    @property
    def floats_per_pixel(self) -> float:
        """Peak memory of the network; see :meth:`.export.Program.floats_per_pixel`."""
        return self._facts["floats_per_pixel"]

    @property
    def largest_tensor(self) -> float:
        """Size of the network's largest tensor; see :meth:`.export.Program.largest_tensor`."""
        return self._facts["largest_tensor"]

    @cached_property
    def _facts(self) -> Mapping[str, float]:
        """Facts about the network's memory, from the cache or from an export."""
        known = self.cache.load_facts(_FACTS, *self.key) or {}
        facts = {name: known[name] for name in _FACT_NAMES if _is_count(known.get(name))}
        if len(facts) == len(_FACT_NAMES):
            return facts
        return _facts_of(self._export(_LARGE if self.local else None)[0])

    @property
    def key(self) -> tuple[Any, ...]:
        """The key of this model's entries in the cache."""
        digest = code_digest(self.spec.layer)
        variant = self.spec.name, self.local, self.stages
        return __version__, *_versions(), digest, self.identity, *variant

    def load_onnx(self, size: tuple[int, int] | None, load: Callable[[bytes], Loaded]) -> Loaded:
        """Load the network's ONNX file, which is exported unless the cache has it.

        Args:
            size: height and width of the pictures; used, and needed, only if statistics are
                local.
            load: loads the content of an ONNX file. A cached one that it cannot load is
                exported again.

        Returns:
            The result of ``load``.

        Raises:
            MissingDependencyError: exporting needs onnx and PaddlePaddle 3, and one is missing.
            NotImplementedError: the network has an operator that cannot be exported.
        """
        fixed = size if self.local else None
        graph = self.cache.load(_GRAPH, fixed, *self.key)
        if graph is not None:
            try:
                return load(bytes(graph))
            except MemoryError:
                raise
            except Exception as error:  # runtimes raise errors of many types
                logger.debug("The cached network cannot be loaded: %s", error)
        return load(self._export(fixed)[1])

    def _export(self, size: tuple[int, int] | None) -> tuple[Program, bytes]:
        from .export import trace, write_onnx

        require("onnx")  # fail before tracing, which takes seconds
        with changing_mode(), self.preparation.announced():
            program = trace(self.network, self.channels, self.shared_layers, size)
            graph = write_onnx(program).SerializeToString()
        self.cache.store(graph, _GRAPH, size, *self.key)
        # Facts for other sizes are not stored: a smaller picture limits the windows of local
        # statistics to its size, and then needs less memory per pixel than a large one.
        if size in (None, _LARGE):
            self.cache.store_facts(_facts_of(program), _FACTS, *self.key)
        return program, graph


def _facts_of(program: Program) -> dict[str, float]:
    """Facts about a network's memory."""
    return dict(zip(_FACT_NAMES, (program.floats_per_pixel(), program.largest_tensor())))


def _is_count(fact: object) -> bool:
    """Whether a value from the cache can be a count of numbers."""
    return isinstance(fact, (int, float)) and 0 < fact < math.inf


def load_model(source: str | os.PathLike[str], cache: Cache, *, local: bool = False) -> Model:
    """The model for weights in a file or with a catalogue name.

    Args:
        source: see :func:`~ppgan_mpr.weights.load_weights`. The path or name itself is the model's
            identity, so a file must not be replaced while the cache has entries for it.
        cache: keeps exported graphs.
        local: see :class:`Model`.
    """
    weights = load_weights(source)
    return Model(
        os.fspath(source),
        weights.spec,
        weights.build,
        cache,
        channels=weights.channels,
        local=local,
    )


@lru_cache(maxsize=1)
def _versions() -> tuple[str | None, ...]:
    """Versions of the packages that export, found without importing them."""
    return tuple(map(installed_version, ("paddlepaddle", "paddlepaddle-gpu", "onnx")))


def file_identity(path: str | os.PathLike[str]) -> str:
    """An identity of a file's content from its path, size and times, without reading it."""
    path = Path(path).resolve()
    status = path.stat()
    return f"file:{path}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
