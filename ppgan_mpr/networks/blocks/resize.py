"""Downsampling and upsampling of feature maps by a factor of 2, mainly for MPRNet.

Bilinear downsampling by 2 (``align_corners=False``) is exactly 2×2 average pooling, and a
1×1 convolution commutes with bilinear upsampling. So the convolutions here always run on the
smaller map, which is a quarter of the work.
"""

from __future__ import annotations

import paddle.nn.functional as F
from paddle import Tensor, nn

from .conv import conv


class Upsample2x(nn.Layer):
    """Bilinear upsampling, ``align_corners=False``: [N, C, H, W] → [N, C, 2H, 2W]."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        return F.interpolate(x, size=[2 * height, 2 * width], mode="bilinear")


class DownSample(nn.Layer):
    """Halving with more channels: [N, C, H, W] → [N, C + grow, H/2, W/2]."""

    def __init__(self, channels: int, grow: int):
        super().__init__()
        self.down = nn.Sequential(nn.AvgPool2D(2, 2), conv(channels, channels + grow, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.down(x)


class UpSample(nn.Layer):
    """Doubling with fewer channels: [N, C + grow, H, W] → [N, C, 2H, 2W]."""

    def __init__(self, channels: int, grow: int):
        super().__init__()
        # In the paper's order, which the parameters' names follow; `forward` swaps the two.
        self.up = nn.Sequential(Upsample2x(), conv(channels + grow, channels, 1))

    def project(self, x: Tensor) -> Tensor:
        """The 1×1 convolution alone: [N, C + grow, H, W] → [N, C, H, W]."""
        return self.up[1](x)

    def forward(self, x: Tensor) -> Tensor:
        return self.up[0](self.project(x))


class SkipUpSample(UpSample):
    """An :class:`UpSample` whose result is added to a skip connection ``y`` [N, C, 2H, 2W]."""

    # Takes two maps, unlike its base class; no code uses one in place of the other.
    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x) + y
