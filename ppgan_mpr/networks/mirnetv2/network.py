"""The layers of MIRNet-v2, the faster successor of MIRNet.

Zamir et al., *Learning Enriched Features for Fast Image Restoration and Enhancement*, TPAMI 2022
(arXiv 2205.01649); the blocks have this paper's names. Attributes have the names of the
published weights, so that each name in a state dict is a path through this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from paddle import Tensor, nn

from ...checks import check_whole_number
from ...errors import UsageError
from ..blocks.context import ContextBlock
from ..blocks.conv import conv
from ..blocks.resize import Upsample2x
from ..blocks.rrg import RRG
from ..blocks.skff import SKFF

#: The ``task`` for which the network adds the shallow features to the deep ones, instead of the
#: picture to its output.
DEFOCUS = "defocus_deblurring"


def leaky_relu() -> nn.Layer:
    """The activation of the whole network."""
    return nn.LeakyReLU(0.2)


class RCB(nn.Layer):
    """Residual contextual block: two grouped convolutions and global context, plus the input."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels, groups=groups),
            leaky_relu(),
            conv(channels, channels, groups=groups),
        )
        self.act = leaky_relu()
        self.gcnet = ContextBlock(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.act(self.gcnet(self.body(x)))  # [N, C, H, W]


def _resizing(*layers: nn.Layer) -> nn.Layer:
    # The published names are those of MIRNet's residual resizing, but only one of its two paths
    # is left.
    return nn.Sequential(("body", nn.Sequential(nn.Sequential(("bot", nn.Sequential(*layers))))))


def down_sample(in_channels: int, out_channels: int) -> nn.Layer:
    """[N, C, H, W] → [N, C', H/2, W/2]: 2×2 average (which is bilinear ×0.5), 1×1 convolution."""
    return _resizing(nn.AvgPool2D(2, 2), conv(in_channels, out_channels, 1))


def up_sample(in_channels: int, out_channels: int) -> nn.Layer:
    """[N, C, H, W] → [N, C', 2H, 2W]: 1×1 convolution, bilinear doubling."""
    return _resizing(conv(in_channels, out_channels, 1), Upsample2x())


class MRB(nn.Layer):
    """Multi-scale residual block: three parallel streams, fused from the lowest resolution up.

    Stream i works at 1/2ⁱ of the resolution with ``chan_factor``ⁱ times the channels. Two steps
    are done twice: each stream goes through its RCB, and SKFFs fuse the middle stream with the
    lowest, then the top stream with the middle one. RCBs and SKFFs have the same weights both
    times; the up-samplings before the SKFFs have different ones.

    Args:
        n_feat: channels at full resolution.
        chan_factor: how many times more channels each stream has than the one above.
        groups: groups of the RCBs' convolutions.
    """

    def __init__(self, n_feat: int, chan_factor: float, groups: int):
        super().__init__()
        top, mid, bot = (int(n_feat * chan_factor**stream) for stream in range(3))
        self.dau_top = RCB(top, groups)
        self.dau_mid = RCB(mid, groups)
        self.dau_bot = RCB(bot, groups)
        self.down2 = down_sample(top, mid)
        self.down4 = nn.Sequential(down_sample(top, mid), down_sample(mid, bot))
        self.up21_1 = up_sample(mid, top)
        self.up21_2 = up_sample(mid, top)
        self.up32_1 = up_sample(bot, mid)
        self.up32_2 = up_sample(bot, mid)
        self.conv_out = conv(top, top, 1)
        self.skff_top = SKFF(top, 2, leaky_relu())
        self.skff_mid = SKFF(mid, 2, leaky_relu())

    def forward(self, x: Tensor) -> Tensor:
        """[N, n_feat, H, W] → the same shape."""
        top, mid, bot = x, self.down2(x), self.down4(x)  # at 1, 1/2 and 1/4 of H and W
        for up32, up21 in ((self.up32_1, self.up21_1), (self.up32_2, self.up21_2)):
            top, mid, bot = self.dau_top(top), self.dau_mid(mid), self.dau_bot(bot)
            mid = self.skff_mid([mid, up32(bot)])
            top = self.skff_top([top, up21(mid)])
        return x + self.conv_out(top)


class MIRNetv2(nn.Layer):
    """MIRNet-v2: recursive residual groups between two convolutions, plus a skip connection.

    Args:
        inp_channels: channels of the degraded picture; 6 for the left and the right view of
            a dual-pixel camera, in this order.
        out_channels: channels of the restored picture.
        n_feat: feature channels at full resolution.
        chan_factor: how many times more channels each stream has than the one above.
        n_MRB: multi-scale residual blocks in each recursive residual group.
        groups: groups of the RCBs' convolutions, one number for each recursive residual group.
        task: None adds the picture to the output; ``'defocus_deblurring'`` adds the shallow
            features to the deep ones, so that input and output may differ in channels.

    Raises:
        UsageError: the task is unknown, a number of channels or blocks is not a positive whole
            number, or a skip connection would join different numbers of channels.
    """

    def __init__(
        self,
        inp_channels: int = 3,
        out_channels: int = 3,
        n_feat: int = 80,
        chan_factor: float = 1.5,
        n_MRB: int = 2,
        groups: Sequence[int] = (1, 2, 4, 4),
        task: str | None = None,
    ):
        super().__init__()
        if task not in (None, DEFOCUS):
            raise UsageError(f"MIRNetv2 does not know task {task!r}: use {DEFOCUS!r} or None.")
        if task is None and inp_channels != out_channels:
            raise UsageError(
                f"MIRNetv2 cannot add an input of {inp_channels} channels to an output of "
                f"{out_channels}: use task {DEFOCUS!r}."
            )
        sizes = {"n_feat": n_feat, "n_MRB": n_MRB, "number of groups": len(groups)}
        sizes.update({f"groups[{place}]": count for place, count in enumerate(groups)})
        for name, size in sizes.items():
            check_whole_number(name, size, 1, 1 << 16)
        self.task = task
        self.conv_in = conv(inp_channels, n_feat)
        self.body = nn.Sequential(
            *(
                RRG([MRB(n_feat, chan_factor, count) for _ in range(n_MRB)], n_feat)
                for count in groups
            )
        )
        self.conv_out = conv(n_feat, out_channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch of pictures.

        Args:
            x: degraded pictures [N, inp_channels, H, W], values in [0, 1], H and W multiples
                of 4.

        Returns:
            ``[restored]``, [N, out_channels, H, W], not clipped. It is a list because
            networks with several stages return one picture for each stage.
        """
        shallow = self.conv_in(x)  # [N, n_feat, H, W]
        deep = self.body(shallow)  # [N, n_feat, H, W]
        if self.task == DEFOCUS:
            return [self.conv_out(deep + shallow)]
        return [x + self.conv_out(deep)]
