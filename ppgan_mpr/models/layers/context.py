"""Global context for a convolutional block: MIRNet-v2's attention over positions."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from .conv import conv


class ContextBlock(nn.Layer):
    """Adds to every pixel what the whole map holds (MIRNet-v2, arXiv 2205.01649, in
    its residual contextual block).

    One softmax over all positions says which of them matter; their weighted mean, a vector of
    C numbers, is transformed and added everywhere. The mean runs over the whole map that is
    given, so the result for a tile differs from that for the picture it was cut from.

    Args:
        channels: channels C of input and output.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv_mask = conv(channels, 1, 1)
        self.channel_add_conv = nn.Sequential(
            conv(channels, channels, 1), nn.LeakyReLU(0.2), conv(channels, channels, 1)
        )

    def context(self, x):
        """The attended mean of [N, C, H, W]: [N, C, 1, 1]."""
        mask = F.softmax(self.conv_mask(x).flatten(2), axis=-1)  # [N, 1, HW]
        return paddle.matmul(x.flatten(2), mask, transpose_y=True).unsqueeze(-1)

    def forward(self, x):
        return x + self.channel_add_conv(self.context(x))
