"""MIRNet's residual resizing modules, which halve or double a feature map (Fig. 4).

(MIRNet, arXiv 2003.06792.) Each step adds two paths: one with several convolutions, and a
shortcut of a low-pass filter and a 1×1 convolution.
"""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from .conv import conv, conv_doubling
from .resize import Upsample2x


class BlurPool(nn.Layer):
    """Anti-aliased downsampling: blur with [1 2 1]ᵀ[1 2 1] / 16, then keep every other pixel.

    Zhang, *Making Convolutional Networks Shift-Invariant Again* (arXiv 1904.11486). The kernel
    is not trained. It is a buffer because the published weights contain it, once for each
    channel.
    """

    def __init__(self, channels: int):
        super().__init__()
        taps = paddle.to_tensor([1.0, 2.0, 1.0]) / 4
        kernel = taps.unsqueeze(1) * taps  # [3, 3]
        self.register_buffer("filt", paddle.tile(kernel, [channels, 1, 1, 1]))
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, H/2, W/2]; H and W are even."""
        x = F.pad(x, [1, 1, 1, 1], mode="reflect")  # [N, C, H + 2, W + 2]
        return F.conv2d(x, self.filt, stride=2, groups=self.channels)


class ResidualDownSample(nn.Layer):
    """Halving with doubled channels: [N, C, H, W] → [N, 2C, H/2, W/2] (Fig. 4a)."""

    def __init__(self, channels: int):
        super().__init__()
        self.top = nn.Sequential(
            conv(channels, channels, 1),
            nn.PReLU(),
            conv(channels, channels, 3),
            nn.PReLU(),
            BlurPool(channels),
            conv(channels, 2 * channels, 1),
        )
        self.bot = nn.Sequential(BlurPool(channels), conv(channels, 2 * channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.top(x) + self.bot(x)


class ResidualUpSample(nn.Layer):
    """Doubling with halved channels: [N, C, H, W] → [N, C/2, 2H, 2W] (Fig. 4b)."""

    def __init__(self, channels: int):
        super().__init__()
        self.top = nn.Sequential(
            conv(channels, channels, 1),
            nn.PReLU(),
            conv_doubling(channels),
            nn.PReLU(),
            conv(channels, channels // 2, 1),
        )
        # In the paper's order, which the parameters' names follow; `forward` swaps the two.
        self.bot = nn.Sequential(Upsample2x(), conv(channels, channels // 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        upsample, project = self.bot
        return self.top(x) + upsample(project(x))  # they commute, and the smaller map is cheaper


class DownSample(nn.Layer):
    """Downsampling in steps of 2: [N, C, H, W] → [N, sC, H/s, W/s].

    Args:
        channels: C.
        scale: s, a power of two.
    """

    def __init__(self, channels: int, scale: int):
        super().__init__()
        steps = range(int(math.log2(scale)))
        self.body = nn.Sequential(*(ResidualDownSample(channels << step) for step in steps))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class UpSample(nn.Layer):
    """Upsampling in steps of 2: [N, C, H, W] → [N, C/s, sH, sW].

    Args:
        channels: C.
        scale: s, a power of two.
    """

    def __init__(self, channels: int, scale: int):
        super().__init__()
        steps = range(int(math.log2(scale)))
        self.body = nn.Sequential(*(ResidualUpSample(channels >> step) for step in steps))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
