"""Convolutions with the padding and initial weights that all networks of this package use."""

from __future__ import annotations

import math

from paddle import nn


def conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    bias: bool = False,
    stride: int = 1,
    groups: int = 1,
) -> nn.Conv2D:
    """A square convolution; with an odd ``kernel_size`` it keeps height and width at stride 1."""
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=(kernel_size - 1) // 2,
        groups=groups,
        weight_attr=_initial_weights(),
        bias_attr=None if bias else False,
    )


def conv_doubling(channels: int) -> nn.Conv2DTranspose:
    """A 3×3 transposed convolution without bias: [N, C, H, W] → [N, C, 2H, 2W]."""
    return nn.Conv2DTranspose(
        channels,
        channels,
        3,
        stride=2,
        # One row and column less of padding below and to the right acts like output_padding=1,
        # with which Paddle would export dynamic heights and widths as 0.
        padding=[1, 0, 1, 0],
        weight_attr=_initial_weights(),
        bias_attr=False,
    )


def _initial_weights() -> nn.initializer.Initializer:
    # U(±1/√fan_in), the authors' initial weights. Paddle's default is √6 times wider, so a deep
    # chain of residual blocks would start far from the identity.
    return nn.initializer.KaimingUniform(negative_slope=math.sqrt(5), nonlinearity="leaky_relu")
