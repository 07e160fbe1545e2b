"""Losses for training. Imports PaddlePaddle."""

from __future__ import annotations

from .pixel_loss import CharbonnierLoss, EdgeLoss, MultiStageLoss

__all__ = ["CharbonnierLoss", "EdgeLoss", "MultiStageLoss"]
