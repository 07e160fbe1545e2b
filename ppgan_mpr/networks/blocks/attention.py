"""Channel attention, and the channel attention block (CAB) of MPRNet."""

from __future__ import annotations

from paddle import Tensor, nn

from .conv import conv


class CALayer(nn.Layer):
    """Channel attention: scales each channel by a gate computed from all channel averages.

    ``y = x · σ(W₂ ReLU(W₁ avg(x)))``, the squeeze-and-excitation in the CAB of MPRNet (arXiv
    2102.02808, Fig. 3b).

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

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_du(self.avg_pool(x))  # [N, C, H, W] · [N, C, 1, 1]


class CAB(nn.Layer):
    """Channel attention block: conv – activation – conv – CALayer, plus the input.

    (MPRNet, arXiv 2102.02808, Fig. 3b.)

    Args:
        channels: channels of input and output.
        kernel_size: of the two convolutions.
        reduction: see :class:`CALayer`.
        bias: whether the convolutions have a bias.
        act: the activation layer; all blocks of a network share one PReLU.
    """

    def __init__(self, channels: int, kernel_size: int, reduction: int, bias: bool, act: nn.Layer):
        super().__init__()
        self.CA = CALayer(channels, reduction, bias)
        self.body = nn.Sequential(
            conv(channels, channels, kernel_size, bias),
            act,
            conv(channels, channels, kernel_size, bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.CA(self.body(x))  # [N, C, H, W]
