"""The global context block of MIRNet-v2, which is attention over positions."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from .conv import conv


class AttentivePool(nn.Layer):
    """The mean of a map over its positions, weighted by a softmax of scores; no parameters.

    It is a separate layer, so that the tiles of one photograph can share its result.
    """

    def forward(self, x: Tensor, scores: Tensor) -> Tensor:
        """[N, C, H, W] and [N, 1, H, W] → [N, C, 1]."""
        weights = F.softmax(scores.flatten(2), axis=-1)  # [N, 1, HW]
        return paddle.matmul(x.flatten(2), weights, transpose_y=True)


class ContextBlock(nn.Layer):
    """Adds a summary of the whole map to every position.

    (MIRNet-v2, arXiv 2205.01649, the context modelling of its residual contextual block.) The
    summary is a mean over all positions, weighted by a softmax over the positions. Two 1×1
    convolutions then transform this vector of C numbers.

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

    def forward(self, x: Tensor) -> Tensor:
        context = self.pool(x, self.conv_mask(x)).unsqueeze(-1)  # [N, C, 1, 1]
        return x + self.channel_add_conv(context)
