"""Selective kernel feature fusion (SKFF), which merges the streams of MIRNet and MIRNet-v2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from .conv import conv


class SKFF(nn.Layer):
    """Selective kernel feature fusion: a sum of streams with learnt weights for each channel.

    Fuse: the channel averages of the streams' sum become a short descriptor. Select: each
    stream's gates are computed from it, and a softmax makes the gates of all streams sum to
    one (MIRNet, arXiv 2003.06792, Fig. 2; the same in MIRNet-v2, arXiv 2205.01649).

    Args:
        channels: channels C of every stream.
        branches: number of streams L.
        act: activation of the descriptor: a PReLU in MIRNet, a leaky ReLU in MIRNet-v2.
        reduction: the descriptor has C // reduction channels, at least 4.
    """

    def __init__(self, channels: int, branches: int, act: nn.Layer, reduction: int = 8):
        super().__init__()
        squeezed = max(channels // reduction, 4)
        self.avg_pool = nn.AdaptiveAvgPool2D(1)
        self.conv_du = nn.Sequential(conv(channels, squeezed, 1), act)
        self.fcs = nn.LayerList([conv(squeezed, channels, 1) for _ in range(branches)])

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """L maps [N, C, H, W] → one of the same shape."""
        # The average of the sum is the sum of the averages, which avoids a full-size sum.
        averages = reduce(add, [self.avg_pool(stream) for stream in streams])  # [N, C, 1, 1]
        descriptor = self.conv_du(averages)  # [N, C // reduction, 1, 1]
        gates = select([fc(descriptor) for fc in self.fcs])  # L of [N, C, 1, 1]
        return reduce(add, [stream * gate for stream, gate in zip(streams, gates)])


def select(scores: Sequence[Tensor]) -> list[Tensor]:
    """The softmax over L maps [N, C, h, w]: maps of the same shape that sum to one."""
    gates = paddle.concat([score.unsqueeze(1) for score in scores], axis=1)  # [N, L, C, h, w]
    parts = paddle.split(F.softmax(gates, axis=1), len(scores), axis=1)
    return [part.squeeze(1) for part in parts]
