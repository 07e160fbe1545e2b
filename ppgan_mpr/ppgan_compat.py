"""Makes PaddleGAN importable on Paddle releases newer than PaddleGAN.

PaddleGAN (ppgan 2.1.0 and its current main branch) imports exactly one name that
Paddle removed in 2.5: ``soft_relu`` of ``paddle.fluid.layers.nn``, in its StarGAN v2
model. This module provides the name during that import only. Afterwards
``import paddle.fluid`` still fails, as other libraries expect.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from .dependencies import require
from .errors import MissingDependencyError

if TYPE_CHECKING:
    import paddle

_REMOVED_MODULE = "paddle.fluid.layers.nn"

#: Name of each PaddleGAN registry -> the module that defines it.
REGISTRIES = {
    "GENERATORS": "ppgan.models.generators.builder",
    "MODELS": "ppgan.models.builder",
    "CRITERIONS": "ppgan.models.criterions.builder",
    "DATASETS": "ppgan.datasets.builder",
    "METRICS": "ppgan.metrics.builder",
    "LRSCHEDULERS": "ppgan.solver.builder",
    "OPTIMIZERS": "ppgan.solver.builder",
}


def import_ppgan(module: str = "ppgan") -> ModuleType:
    """Import PaddleGAN, or one of its modules, on any supported Paddle.

    Args:
        module: dotted name inside PaddleGAN, such as ``"ppgan.engine.trainer"``.

    Returns:
        The module. Afterwards a plain ``import ppgan...`` works, too.

    Raises:
        MissingDependencyError: Paddle, PaddleGAN or a package that PaddleGAN needs is
            not installed.
    """
    require("paddle")
    try:
        with _soft_relu():
            importlib.import_module("ppgan.models")
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("ppgan."):
            raise
        missing = "PaddleGAN" if error.name == "ppgan" else f"PaddleGAN needs {error.name}, which"
        raise MissingDependencyError(
            f"{missing} is not installed: run  mprnet-install-ppgan"
        ) from error


@contextmanager
def _soft_relu() -> Iterator[None]:
    if _REMOVED_MODULE in sys.modules:
        yield
        return
    # `from a.b import c` looks up only "a.b" in sys.modules: parent packages need not exist.
    stand_in = ModuleType(_REMOVED_MODULE)
    stand_in.__dict__["soft_relu"] = soft_relu
    sys.modules[_REMOVED_MODULE] = stand_in
    try:
        yield
    finally:
        del sys.modules[_REMOVED_MODULE]


def soft_relu(x: paddle.Tensor, threshold: float = 40.0) -> paddle.Tensor:
    """``log(1 + exp(clip(x, -threshold, threshold)))``, as Paddle defined it until 2.4."""
    import paddle

    return paddle.log1p(paddle.exp(paddle.clip(x, -threshold, threshold)))


def registry_tables() -> list[dict[str, type]]:
    """The name → class tables of all :data:`REGISTRIES`."""
    return [registry_table(name) for name in REGISTRIES]


def registry_table(name: str) -> dict[str, type]:
    """The name → class table of one of the :data:`REGISTRIES`: PaddleGAN's own, not a copy."""
    return getattr(import_ppgan(REGISTRIES[name]), name)._obj_map
