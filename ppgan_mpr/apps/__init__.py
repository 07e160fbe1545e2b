"""The predictors that programs call, and their results."""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "AutoPredictor": "auto",
    "ChainPredictor": "chain",
    "MIRNetPredictor": "mirnet_predictor",
    "MPRPredictor": "mpr_predictor",
    "Predictor": "predictor",
    "Result": "result",
    "ResultRecord": "result",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
