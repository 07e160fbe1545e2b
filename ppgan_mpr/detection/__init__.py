"""Detects the degradation of a picture, to choose the task that restores it."""

from __future__ import annotations

from .finding import CONFIDENT, Finding, detect

__all__ = ["CONFIDENT", "Finding", "detect"]
