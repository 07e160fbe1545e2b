"""PSNR, SSIM and the protocols behind published scores, in numpy, without PaddlePaddle.

The metric classes for PaddleGAN's Trainer are in :mod:`ppgan_mpr.metrics.paddle_metrics`.
"""

from __future__ import annotations

from .evaluate import evaluate_folders
from .luma import rgb_to_luma
from .protocols import PROTOCOLS, Protocol, get_protocol
from .psnr_ssim import mae, mean_psnr, psnr, ssim
from .scores import ScoreTable

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "ScoreTable",
    "evaluate_folders",
    "get_protocol",
    "mae",
    "mean_psnr",
    "psnr",
    "rgb_to_luma",
    "ssim",
]
