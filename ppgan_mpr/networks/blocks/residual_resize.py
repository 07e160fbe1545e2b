"""MIRNet's residual resizing modules (arXiv 2003.06792, Fig. 4).

Each step halves or doubles height and width on two paths that are added: a learnt one, and a
plain one of low-pass filter and 1×1 convolution.
"""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import nn

from .conv import conv, conv_doubling
from .resize import Upsample2x


class BlurPool(nn.Layer):
    """Anti-aliased halving: blur with the binomial [1 2 1]ᵀ[1 2 1] / 16, keep every other pixel.

    ("Making convolutional networks shift-invariant again", arXiv 1904.11486.) The kernel is
    no parameter, but the published weights hold it, once for each channel.
    """

    def __init__(self, channels: int):
        super().__init__()
        taps = paddle.to_tensor([1.0, 2.0, 1.0]) / 4
        kernel = taps.unsqueeze(1) * taps  # [3, 3]
        self.register_buffer("filt", paddle.tile(kernel, [channels, 1, 1, 1]))
        self.channels = channels

    def forward(self, x):
        """[N, C, H, W] → [N, C, H/2, W/2]; H and W are even."""
        x = F.pad(x, [1, 1, 1, 1], mode="reflect")
        return F.conv2d(x, self.filt, stride=2, groups=self.channels)


class ResidualDownSample(nn.Layer):
    """[N, C, H, W] → [N, 2C, H/2, W/2]."""

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

    def forward(self, x):
        return self.top(x) + self.bot(x)


class ResidualUpSample(nn.Layer):
    """[N, C, H, W] → [N, C/2, 2H, 2W]."""

    def __init__(self, channels: int):
        super().__init__()
        self.top = nn.Sequential(
            conv(channels, channels, 1),
            nn.PReLU(),
            conv_doubling(channels),
            nn.PReLU(),
            conv(channels, channels // 2, 1),
        )
        # The order of the paper, for the parameters' names; `forward` uses the exact swap.
        self.bot = nn.Sequential(Upsample2x(), conv(channels, channels // 2, 1))

    def forward(self, x):
        upsample, project = self.bot
        return self.top(x) + upsample(project(x))


class DownSample(nn.Layer):
    """[N, C, H, W] → [N, sC, H/s, W/s], in steps of 2; s is ``scale``, a power of two."""

    def __init__(self, channels: int, scale: int):
        super().__init__()
        steps = range(int(math.log2(scale)))
        self.body = nn.Sequential(*(ResidualDownSample(channels << step) for step in steps))

    def forward(self, x):
        return self.body(x)


class UpSample(nn.Layer):
    """[N, C, H, W] → [N, C/s, sH, sW], in steps of 2; s is ``scale``, a power of two."""

    def __init__(self, channels: int, scale: int):
        super().__init__()
        steps = range(int(math.log2(scale)))
        self.body = nn.Sequential(*(ResidualUpSample(channels >> step) for step in steps))

    def forward(self, x):
        return self.body(x)
