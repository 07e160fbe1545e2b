"""Digest of the Python files that determine what an exported network computes.

It is part of the key of cached networks. So once the code has changed, networks that the old code
exported never run, even if the version number is the same. Nothing is imported, and the files may
be in a zip.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder

# In addition to the network's own package: the layers that networks share, and the exporter.
_SHARED = (
    "ppgan_mpr.networks.blocks",
    "ppgan_mpr.networks.spec",
    "ppgan_mpr.inference.export",
    "ppgan_mpr.inference.shared_statistics",
)


@cache
def code_digest(layer: str) -> str:
    """The digest for a network, computed once in a process.

    Args:
        layer: ``"module:Class"`` of the network. All modules of its package are included, but not
            those of sub-packages.

    Returns:
        A SHA-256 digest in hexadecimal.
    """
    module = layer.partition(":")[0]
    package = module.rpartition(".")[0]
    digest = hashlib.sha256()
    for name in (package or module, *_SHARED):
        for file, content in _files(name):
            digest.update(f"{file} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _files(name: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of a module; for a package, of all its modules."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module without a file, such as __main__
        spec = None
    if spec is None:
        return
    yield name, _content(spec)
    places = spec.submodule_search_locations or []
    for module in sorted(found.name for found in pkgutil.iter_modules(places) if not found.ispkg):
        # Not by importlib.util, which would import the package.
        inner = PathFinder.find_spec(f"{name}.{module}", places)
        if inner is not None:
            yield module, _content(inner)


def _content(spec: ModuleSpec) -> bytes:
    read = getattr(spec.loader, "get_data", None)
    if read is None or spec.origin is None:  # a namespace, or a frozen module
        return b""
    try:
        return read(spec.origin)
    except OSError:
        return b""
