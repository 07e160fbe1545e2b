"""Global context for a convolutional block: MIRNet-v2's attention over positions."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from .conv import conv


class AttentivePool(nn.Layer):
    """The mean over all positions, weighted by a softmax of their scores; no parameters."""

    def forward(self, x, scores):
        """[N, C, H, W] and [N, 1, H, W] → [N, C, 1]."""
        weights = F.softmax(scores.flatten(2), axis=-1)  # [N, 1, HW]
        return paddle.matmul(x.flatten(2), weights, transpose_y=True)


class ContextBlock(nn.Layer):
    """Adds to every pixel what the whole map holds (MIRNet-v2, arXiv 2205.01649, in
    its residual contextual block).

    One softmax over all positions says which of them matter; their weighted mean, a vector of
    C numbers, is transformed and added everywhere.

    Args:
        channels: channels C of input and output.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv_mask = conv(channels, 1, 1)
        self.pool = AttentivePool()
        self.channel_add_conv = nn.Sequential(
            conv(channels, channels, 1), nn.LeakyReLU(0.2), conv(channels, channels, 1)
        )

    def forward(self, x):
        context = self.pool(x, self.conv_mask(x)).unsqueeze(-1)  # [N, C, 1, 1]
        return x + self.channel_add_conv(context)
