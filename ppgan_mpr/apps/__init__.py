"""What people call: the predictor and the command line."""

from __future__ import annotations

__all__ = ["MPRPredictor", "Result"]


def __getattr__(name: str):
    if name in __all__:
        from . import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
