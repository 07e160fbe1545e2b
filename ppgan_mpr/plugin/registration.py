"""Puts our classes into PaddleGAN's registries under PaddleGAN's own names.

PaddleGAN's published ``configs/mprnet_*.yaml`` name ``MPRNet``, ``MPRTrain``, ``PSNR`` and
so on. After :func:`register` they run unchanged with our implementations.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from ..errors import UsageError
from ..networks import networks
from ..ppgan_compat import import_ppgan, registry_table

# (PaddleGAN's registry, module, classes) for classes that serve all networks. Our losses are left
# out, and our metrics are used only if a protocol is named: other models need PaddleGAN's classes,
# and our MPRModel finds ours without the registry.
_CLASSES = (
    ("METRICS", "ppgan_mpr.plugin.metrics", ("PSNR", "SSIM")),
    ("OPTIMIZERS", "paddle.optimizer", ("AdamW",)),
    (
        "LRSCHEDULERS",
        "ppgan_mpr.engine.schedule",
        ("WarmupCosine", "CosineAnnealingRestartCyclicLR"),
    ),
)

# A role in NetworkSpec.plugin_names -> (PaddleGAN's registry, our module, the class)
_ROLES = {
    "model": ("MODELS", "ppgan_mpr.engine.mpr_model", "MPRModel"),
    "train": ("DATASETS", "ppgan_mpr.datasets", "MPRTrain"),
    "validation": ("DATASETS", "ppgan_mpr.datasets", "MPRVal"),
    "test": ("DATASETS", "ppgan_mpr.datasets", "MPRTest"),
}

# original entries of PaddleGAN's registries: (registry, name) -> class or None
_replaced: dict[tuple[str, str], type | None] = {}


class _Entry(NamedTuple):
    registry: str
    table: dict  # the dict inside the registry itself: name -> class
    name: str
    ours: type


def register() -> None:
    """Put our classes into PaddleGAN's registries, and our options into its Trainer.

    A second call changes nothing.

    Raises:
        UsageError: a name belongs to a class that is neither PaddleGAN's nor ours. In this
            case nothing is replaced.
        MissingDependencyError: PaddleGAN or Paddle is not installed.
    """
    entries = [entry for entry in _entries() if entry.table.get(entry.name) is not entry.ours]
    for entry in entries:
        owner = getattr(entry.table.get(entry.name), "__module__", "ppgan")
        if owner.partition(".")[0] != "ppgan":
            raise UsageError(
                f"{entry.name} in PaddleGAN's registry is the class of {owner}, which ppgan_mpr "
                "will not replace: register that class under another name."
            )
    for entry in entries:
        _replaced[entry.registry, entry.name] = entry.table.get(entry.name)
        entry.table[entry.name] = entry.ours
    _trainer_hooks().install()


def unregister() -> None:
    """Restore PaddleGAN's own classes and functions."""
    _trainer_hooks().uninstall()
    for entry in _entries():
        original = _replaced.pop((entry.registry, entry.name), None)
        if entry.table.get(entry.name) is not entry.ours:
            continue
        if original is None:
            del entry.table[entry.name]
        else:
            entry.table[entry.name] = original


def _entries() -> Iterator[_Entry]:
    # PaddleGAN registers its classes when these packages are imported, and refuses names that
    # are taken, so it has to register its classes before we register ours.
    for package in ("ppgan.models", "ppgan.datasets", "ppgan.metrics", "ppgan.solver"):
        import_ppgan(package)
    for registry, module, names in _CLASSES:
        for name in names:
            yield _Entry(registry, registry_table(registry), name, _load(module, name))
    for spec in networks():
        for role, name in spec.plugin_names.items():
            if role == "generator":
                registry, ours = "GENERATORS", spec.layer_class
            else:
                registry, module, class_name = _ROLES[role]
                ours = _load(module, class_name)
            yield _Entry(registry, registry_table(registry), name, ours)


def _trainer_hooks() -> ModuleType:
    # The module imports Paddle. Importing Paddle through import_ppgan keeps the root logger clean.
    import_ppgan()
    return importlib.import_module("ppgan_mpr.plugin.paddlegan_trainer")


def _load(module: str, name: str) -> type:
    return getattr(importlib.import_module(module), name)
