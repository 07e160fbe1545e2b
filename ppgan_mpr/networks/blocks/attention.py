"""Channel attention and the block that MPRNet is built of."""

from __future__ import annotations

from paddle import nn

from .conv import conv


class CALayer(nn.Layer):
    """Channel attention: each channel is scaled by a gate computed from all channel averages.

    ``y = x · σ(W₂ ReLU(W₁ avg(x)))``, the squeeze-and-excitation of the paper's CAB
    (MPRNet, arXiv 2102.02808, Fig. 3b).

    Args:
        channels: channels C of the input.
        reduction: the bottleneck has C // reduction channels.
        bias: whether the 1×1 convolutions have a bias.
    """

    def __init__(self, channels: int, reduction: int = 16, bias: bool = False):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2D(1)
        self.conv_du = nn.Sequential(
            conv(channels, channels // reduction, 1, bias),
            nn.ReLU(),
            conv(channels // reduction, channels, 1, bias),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.conv_du(self.avg_pool(x))  # gate: [N, C, 1, 1]


class CAB(nn.Layer):
    """Channel attention block: conv – activation – conv – CALayer, plus the input (Fig. 3b).

    Args:
        channels: channels of input and output.
        kernel_size: of the two convolutions.
        reduction: see :class:`CALayer`.
        bias: whether the convolutions have a bias.
        act: the activation layer; the networks share one PReLU among all their blocks.
    """

    def __init__(self, channels: int, kernel_size: int, reduction: int, bias: bool, act: nn.Layer):
        super().__init__()
        self.CA = CALayer(channels, reduction, bias)
        self.body = nn.Sequential(
            conv(channels, channels, kernel_size, bias),
            act,
            conv(channels, channels, kernel_size, bias),
        )

    def forward(self, x):
        return x + self.CA(self.body(x))
