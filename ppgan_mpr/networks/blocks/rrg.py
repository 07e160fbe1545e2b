"""The recursive residual group (RRG) of MIRNet and MIRNet-v2."""

from __future__ import annotations

from collections.abc import Sequence

from paddle import Tensor, nn

from .conv import conv


class RRG(nn.Layer):
    """Recursive residual group: multi-scale residual blocks, a convolution, plus the input.

    (MIRNet, arXiv 2003.06792, Fig. 1; the same in MIRNet-v2, arXiv 2205.01649.)

    Args:
        blocks: layers that keep the shape of [N, n_feat, H, W].
        n_feat: channels of input and output.
    """

    def __init__(self, blocks: Sequence[nn.Layer], n_feat: int):
        super().__init__()
        self.body = nn.Sequential(*blocks, conv(n_feat, n_feat))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # [N, n_feat, H, W]
