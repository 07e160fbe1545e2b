"""Halving and doubling a feature map.

Bilinear resizing by one half (``align_corners=False``) is exactly 2×2 average pooling, and
a bias-free 1×1 convolution commutes with bilinear doubling. Both facts are used here: the
convolution always runs on the smaller map, a quarter of the work.
"""

from __future__ import annotations

import paddle.nn.functional as F
from paddle import nn

from .conv import conv


class Upsample2x(nn.Layer):
    """Bilinear doubling of height and width, ``align_corners=False``."""

    def forward(self, x):
        height, width = x.shape[2:]
        return F.interpolate(x, size=[2 * height, 2 * width], mode="bilinear")


class DownSample(nn.Layer):
    """[N, C, H, W] → [N, C + grow, H/2, W/2]."""

    def __init__(self, channels: int, grow: int):
        super().__init__()
        self.down = nn.Sequential(nn.AvgPool2D(2, 2), conv(channels, channels + grow, 1))

    def forward(self, x):
        return self.down(x)


class UpSample(nn.Layer):
    """[N, C + grow, H, W] → [N, C, 2H, 2W]."""

    def __init__(self, channels: int, grow: int):
        super().__init__()
        # The order of the paper, for the parameters' names; `forward` uses the exact swap.
        self.up = nn.Sequential(Upsample2x(), conv(channels + grow, channels, 1))

    def project(self, x):
        """The 1×1 convolution alone: [N, C + grow, H, W] → [N, C, H, W]."""
        return self.up[1](x)

    def forward(self, x):
        return self.up[0](self.project(x))


class SkipUpSample(UpSample):
    """:class:`UpSample` of ``x``, plus the skip connection ``y`` [N, C, 2H, 2W]."""

    def forward(self, x, y):
        return super().forward(x) + y
