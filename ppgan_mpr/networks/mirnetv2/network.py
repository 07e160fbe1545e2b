"""MIRNet-v2: enriched features for fast image restoration (TPAMI 2022, arXiv 2205.01649).

Attribute names are those of the published weights, so that a state dict's names read as
paths through this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from paddle import nn

from ...errors import UsageError
from ..blocks.context import ContextBlock
from ..blocks.conv import conv
from ..blocks.resize import Upsample2x
from ..blocks.rrg import RRG
from ..blocks.skff import SKFF

#: The ``task`` whose network adds its skip connection to the features.
DEFOCUS = "defocus_deblurring"


def leaky_relu() -> nn.Layer:
    """The activation of the whole network."""
    return nn.LeakyReLU(0.2)


class RCB(nn.Layer):
    """Residual contextual block: two grouped convolutions and global context."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.body = nn.Sequential(
            conv(channels, channels, groups=groups),
            leaky_relu(),
            conv(channels, channels, groups=groups),
        )
        self.act = leaky_relu()
        self.gcnet = ContextBlock(channels)

    def forward(self, x):
        return x + self.act(self.gcnet(self.body(x)))


def _resizing(*layers: nn.Layer) -> nn.Layer:
    # The names are those of MIRNet's residual resizing, of which the plain path is left.
    return nn.Sequential(("body", nn.Sequential(nn.Sequential(("bot", nn.Sequential(*layers))))))


def down_sample(in_channels: int, out_channels: int) -> nn.Layer:
    """[N, C, H, W] → [N, C', H/2, W/2]: 2×2 average (which is bilinear ×0.5), 1×1 convolution."""
    return _resizing(nn.AvgPool2D(2, 2), conv(in_channels, out_channels, 1))


def up_sample(in_channels: int, out_channels: int) -> nn.Layer:
    """[N, C, H, W] → [N, C', 2H, 2W]: 1×1 convolution, bilinear doubling."""
    return _resizing(conv(in_channels, out_channels, 1), Upsample2x())


class MRB(nn.Layer):
    """Multi-scale residual block: three streams, fused from the smallest upwards.

    The streams pass twice through their RCB and their SKFF, the same weights both times.
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

    def forward(self, x):
        """[N, n_feat, H, W] → the same shape."""
        top, mid, bot = x, self.down2(x), self.down4(x)
        for up32, up21 in ((self.up32_1, self.up21_1), (self.up32_2, self.up21_2)):
            top, mid, bot = self.dau_top(top), self.dau_mid(mid), self.dau_bot(bot)
            mid = self.skff_mid([mid, up32(bot)])
            top = self.skff_top([top, up21(mid)])
        return x + self.conv_out(top)


class MIRNetv2(nn.Layer):
    """Recursive residual groups between two convolutions, plus a skip connection.

    Args:
        inp_channels: channels of the degraded picture; 6 for the left and the right view of
            a dual-pixel camera, in this order.
        out_channels: channels of the restored picture.
        n_feat: feature channels at full resolution.
        chan_factor: how many times more channels each stream has than the one above.
        n_MRB: multi-scale residual blocks in each recursive residual group.
        groups: groups of the RCBs' convolutions, a number for each recursive residual group.
        task: ``'defocus_deblurring'`` adds the skip connection to the features, which lets
            the input have other channels than the output; None adds the picture.

    Raises:
        UsageError: another task, or a skip connection between different numbers of channels.
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
            raise UsageError(f"MIRNetv2 has no form for task {task!r}: use {DEFOCUS!r} or None.")
        if task is None and inp_channels != out_channels:
            raise UsageError(
                f"MIRNetv2 cannot add an input of {inp_channels} channels to an output of "
                f"{out_channels}: use task {DEFOCUS!r}."
            )
        self.task = task
        self.conv_in = conv(inp_channels, n_feat)
        self.body = nn.Sequential(
            *(
                RRG([MRB(n_feat, chan_factor, count) for _ in range(n_MRB)], n_feat)
                for count in groups
            )
        )
        self.conv_out = conv(n_feat, out_channels)

    def forward(self, x):
        """Restore a batch of pictures.

        Args:
            x: degraded pictures [N, inp_channels, H, W], values in [0, 1], H and W multiples
                of 4.

        Returns:
            ``[restored]``, [N, out_channels, H, W], not clipped. A list like that of the
            networks of several stages, so that result and loss are found the same way.
        """
        shallow = self.conv_in(x)
        deep = self.body(shallow)
        if self.task == DEFOCUS:
            return [self.conv_out(deep + shallow)]
        return [x + self.conv_out(deep)]
