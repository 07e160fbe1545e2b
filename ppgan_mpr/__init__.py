"""Photo restoration with MPRNet, MIRNet, MIRNet-v2 and NAFNet on PaddlePaddle.

Importing the package is cheap: PaddlePaddle, OpenCV and other large packages are imported
when the first photo is restored.

Example:
    >>> from ppgan_mpr import MPRPredictor                            # doctest: +SKIP
    >>> predictor = MPRPredictor(task='Deblurring')                   # doctest: +SKIP
    >>> restored = predictor.restore(array)                           # doctest: +SKIP
    >>> results = predictor.run('photos/')                            # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .apps.auto import AutoPredictor
    from .apps.chain import ChainPredictor
    from .apps.mirnet_predictor import MIRNetPredictor
    from .apps.mpr_predictor import MPRPredictor
    from .apps.predictor import Predictor
    from .apps.result import Result, ResultRecord
    from .errors import RestorationError
    from .inference.options import InferenceOptions
    from .networks.registry import register_network
    from .networks.spec import NetworkSpec, Score, WeightsRecord
    from .networks.tasks import Task
    from .weights.loading import load_weights

# name -> the module that defines it, imported on first use
_PUBLIC = {
    "AutoPredictor": "apps.auto",
    "ChainPredictor": "apps.chain",
    "InferenceOptions": "inference.options",
    "MIRNetPredictor": "apps.mirnet_predictor",
    "MPRPredictor": "apps.mpr_predictor",
    "NetworkSpec": "networks.spec",
    "Predictor": "apps.predictor",
    "RestorationError": "errors",
    "Result": "apps.result",
    "ResultRecord": "apps.result",
    "Score": "networks.spec",
    "Task": "networks.tasks",
    "WeightsRecord": "networks.spec",
    "load_weights": "weights.loading",
    "register_network": "networks.registry",
}

__all__ = [
    "AutoPredictor",
    "ChainPredictor",
    "InferenceOptions",
    "MIRNetPredictor",
    "MPRPredictor",
    "NetworkSpec",
    "Predictor",
    "RestorationError",
    "Result",
    "ResultRecord",
    "Score",
    "Task",
    "WeightsRecord",
    "__version__",
    "load_weights",
    "register_network",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
