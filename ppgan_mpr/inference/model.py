"""What the backends are given: a network, however it comes, and what is known about it."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Callable

from ..dependencies import require
from ..version import __version__
from .cache import Cache

_LARGE = 768, 768  # more than the windows of local attention
_GRAPH, _FACTS = "onnx graph 1", "facts 1"


class Model:
    """A network with its weights, built only if somebody really needs it.

    Args:
        identity: stands for network and weights: equal identities, equal numbers.
        build: makes the ``paddle.nn.Layer`` in evaluation mode.
        cache: where exported graphs are kept.
        local: whether channel attention takes windowed averages (TLC).
    """

    def __init__(self, identity: str, build: Callable[[], Any], cache: Cache, local: bool = False):
        self.identity = identity
        self.cache = cache
        self.local = local
        self._build = build

    @cached_property
    def network(self):
        """The ``paddle.nn.Layer``; the first access reads the weights."""
        network = self._build()
        if self.local:
            from ..networks.blocks.local import convert_to_local

            convert_to_local(network)
        return network

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """``size_multiple`` and ``floats_per_pixel`` (see :meth:`Program.floats_per_pixel`)."""
        facts = self.cache.load_facts(_FACTS, *self.key)
        if facts is None:
            self._export(_LARGE if self.local else None)
            facts = self._facts
        return facts

    @property
    def key(self) -> tuple:
        """What cached files of this model are known by."""
        return __version__, *_versions(), self.identity, self.local

    def onnx(self, size: tuple[int, int]) -> bytes:
        """The network as an ONNX file, exported when there is none in the cache.

        Args:
            size: height and width of the pictures; only local networks depend on them.

        Raises:
            MissingDependencyError: it must be exported, and onnx or PaddlePaddle 3 is missing.
            NotImplementedError: the network has an operator that cannot be exported.
        """
        size = size if self.local else None
        graph = self.cache.load(_GRAPH, size, *self.key)
        return self._export(size) if graph is None else bytes(graph)

    def _export(self, size: tuple[int, int] | None = None) -> bytes:
        from .export.onnx_graph import write_onnx
        from .export.trace import trace

        require("onnx")  # said before the work rather than after
        program = trace(self.network, size)
        graph = write_onnx(program, size).SerializeToString()
        self._facts = {
            "size_multiple": self.network.size_multiple,
            "floats_per_pixel": program.floats_per_pixel(),
        }
        self.cache.store(graph, _GRAPH, size, *self.key)
        self.cache.store_facts(self._facts, _FACTS, *self.key)
        return graph


@lru_cache(maxsize=1)
def _versions() -> tuple[str | None, ...]:
    """Versions of what exports, found without importing it."""

    def version(package: str) -> str | None:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    return tuple(version(name) for name in ("paddlepaddle", "paddlepaddle-gpu", "onnx"))


def file_identity(path: str | os.PathLike) -> str:
    """An identity for the content of a file that can be told without reading it."""
    path = Path(path).resolve()
    status = path.stat()
    return f"file:{path}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
