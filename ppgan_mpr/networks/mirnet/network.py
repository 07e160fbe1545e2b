"""The layers of MIRNet, which restores a picture in parallel streams of several resolutions.

Zamir et al., *Learning Enriched Features for Real Image Restoration and Enhancement*, ECCV 2020
(arXiv 2003.06792); figures are those of this paper. Attributes have the names of the published
weights, so that each name in a state dict is a path through this file.
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn

from ...checks import check_whole_number
from ..blocks.attention import CALayer
from ..blocks.conv import conv
from ..blocks.residual_resize import DownSample, UpSample
from ..blocks.rrg import RRG
from ..blocks.skff import SKFF

STREAMS = 3  # parallel streams of an MRB, at 1, 1/2 and 1/4 of the resolution
COLUMNS = 2  # times that each stream goes through its DAU


class SpatialAttention(nn.Layer):
    """Spatial attention: weights each position by its channels' maximum and mean (Fig. 3)."""

    def __init__(self, kernel_size: int = 5):
        super().__init__()
        self.spatial = nn.Sequential(("conv", conv(2, 1, kernel_size)))

    def forward(self, x: Tensor) -> Tensor:
        pooled = paddle.concat([x.max(1, keepdim=True), x.mean(1, keepdim=True)], axis=1)
        return x * nn.functional.sigmoid(self.spatial(pooled))  # [N, C, H, W] · [N, 1, H, W]


class DAU(nn.Layer):
    """Dual attention unit: spatial and channel attention in parallel, plus the input (Fig. 3).

    Args:
        channels: channels C of input and output.
        act: the PReLU that all DAUs of a network share.
        reduction: factor by which channel attention reduces the channels.
    """

    def __init__(self, channels: int, act: nn.Layer, reduction: int = 8):
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels), act, conv(channels, channels))
        self.SA = SpatialAttention()
        self.CA = CALayer(channels, reduction)
        self.conv1x1 = conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)  # [N, C, H, W]
        attended = paddle.concat([self.SA(features), self.CA(features)], axis=1)  # [N, 2C, H, W]
        return x + self.conv1x1(attended)


class MRB(nn.Layer):
    """Multi-scale residual block: three parallel streams that exchange features (Fig. 1).

    Stream i works at 1/2ⁱ of the resolution with 2ⁱ times the channels, and goes through its
    DAU twice with the same weights. In between, each stream's SKFF fuses the features of all
    streams at that stream's resolution. At the end, the SKFF of the full-resolution stream fuses
    all streams once more, with the same weights.

    Args:
        n_feat: channels at full resolution.
        act: the PReLU that all DAUs of a network share.
    """

    def __init__(self, n_feat: int, act: nn.Layer):
        super().__init__()
        widths = [n_feat << stream for stream in range(STREAMS)]
        self.blocks = nn.LayerList(
            [nn.LayerList([DAU(width, act)] * COLUMNS) for width in widths]  # shared on purpose
        )
        # The resizing modules are named by the channels that enter and the factor.
        self.down = nn.LayerDict(
            {
                f"{widths[source]}_{2 ** (target - source)}": DownSample(
                    widths[source], 2 ** (target - source)
                )
                for source in range(STREAMS)
                for target in range(source + 1, STREAMS)
            }
        )
        self.up = nn.LayerDict(
            {
                f"{widths[source]}_{2 ** (source - target)}": UpSample(
                    widths[source], 2 ** (source - target)
                )
                for source in range(STREAMS)
                for target in range(source)
            }
        )
        self.last_up = nn.LayerDict(
            {str(source): UpSample(widths[source], 2**source) for source in range(1, STREAMS)}
        )
        self.selective_kernel = nn.LayerList([SKFF(width, STREAMS, nn.PReLU()) for width in widths])
        self.conv_out = conv(n_feat, n_feat)
        self.widths = widths

    def resize(self, x: Tensor, source: int, target: int) -> Tensor:
        """Bring features of stream ``source`` to the shape of stream ``target``."""
        if source == target:
            return x
        modules = self.down if source < target else self.up
        return modules[f"{self.widths[source]}_{2 ** abs(source - target)}"](x)

    def forward(self, x: Tensor) -> Tensor:
        """[N, n_feat, H, W] → the same shape."""
        # First column: each stream starts from the one above. Stream i: [N, 2ⁱC, H/2ⁱ, W/2ⁱ].
        streams = [self.blocks[0][0](x)]
        for stream in range(1, STREAMS):
            smaller = self.resize(streams[-1], stream - 1, stream)
            streams.append(self.blocks[stream][0](smaller))

        # Every further column: each stream fuses the features of all streams.
        for column in range(1, COLUMNS):
            fused = [
                self.selective_kernel[target](
                    [self.resize(y, source, target) for source, y in enumerate(streams)]
                )
                for target in range(STREAMS)
            ]
            streams = [self.blocks[i][column](y) for i, y in enumerate(fused)]

        # Fusion at full resolution, [N, n_feat, H, W].
        full, *smaller = streams
        enlarged = [up(y) for up, y in zip(self.last_up.values(), smaller)]
        return x + self.conv_out(self.selective_kernel[0]([full, *enlarged]))


class MIRNet(nn.Layer):
    """MIRNet: recursive residual groups between two convolutions, plus the picture (Fig. 1).

    It does real denoising, super-resolution and enhancement. For super-resolution, the picture is
    enlarged before it enters the network.

    Args:
        in_channels: channels of the degraded picture.
        out_channels: channels of the restored picture, as many as ``in_channels``.
        n_feat: feature channels at full resolution; twice and four times as many at 1/2 and 1/4.
        n_RRG: recursive residual groups.
        n_MSRB: multi-scale residual blocks in each group.

    Raises:
        UsageError: a number of channels or blocks is not a positive whole number.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        n_feat: int = 64,
        n_RRG: int = 3,
        n_MSRB: int = 2,
    ):
        super().__init__()
        for name, size in (("n_feat", n_feat), ("n_RRG", n_RRG), ("n_MSRB", n_MSRB)):
            check_whole_number(name, size, 1, 1 << 16)
        act = nn.PReLU()

        def group() -> RRG:
            return RRG([MRB(n_feat, act) for _ in range(n_MSRB)], n_feat)

        self.conv_in = conv(in_channels, n_feat)
        self.body = nn.Sequential(*(group() for _ in range(n_RRG)))
        self.conv_out = conv(n_feat, out_channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch of pictures.

        Args:
            x: degraded pictures [N, in_channels, H, W], values in [0, 1], H and W multiples
                of 4.

        Returns:
            ``[restored]``, [N, out_channels, H, W], not clipped. It is a list because
            networks with several stages return one picture for each stage.
        """
        features = self.body(self.conv_in(x))  # [N, n_feat, H, W]
        return [x + self.conv_out(features)]
