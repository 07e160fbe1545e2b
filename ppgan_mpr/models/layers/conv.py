"""Convolutions as the MPRNet and MIRNet papers use them: size-preserving, mostly without bias."""

from __future__ import annotations

import math

from paddle import nn


def conv(
    in_channels: int, out_channels: int, kernel_size: int = 3, bias: bool = False, stride: int = 1
) -> nn.Conv2D:
    """A ``kernel_size`` × ``kernel_size`` convolution that keeps height and width at stride 1.

    The initial weights are U(±1/√fan_in), what the authors trained from; Paddle's own
    default is √6 times wider and lets three stages of residual blocks start far from
    the identity.
    """
    initial = nn.initializer.KaimingUniform(negative_slope=math.sqrt(5), nonlinearity="leaky_relu")
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        weight_attr=initial,
        bias_attr=None if bias else False,
    )
