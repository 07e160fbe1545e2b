"""The layers of NAFNet, a U-Net without nonlinear activation functions.

Chen et al., *Simple Baselines for Image Restoration*, ECCV 2022 (arXiv 2204.04676); figures and
equations are those of this paper. Attributes have the names of the published weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ...checks import check_whole_number
from ...errors import UsageError
from ..blocks.conv import conv
from ..blocks.local import Windows
from .spec import MOST_LEVELS


class LayerNorm2D(nn.Layer):
    """Layer normalisation over the channels of each pixel, [N, C, H, W] → the same shape.

    Args:
        channels: C.
        epsilon: added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = 1e-6):
        super().__init__()
        ones = nn.initializer.Constant(1.0)
        self.weight = self.create_parameter([channels], default_initializer=ones)
        self.bias = self.create_parameter([channels], is_bias=True)
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)  # [N, C, H, W]
        variance = centred.square().mean(1, keepdim=True)  # [N, 1, H, W]
        normal = centred * paddle.rsqrt(variance + self.epsilon)
        return normal * self.weight.reshape([1, -1, 1, 1]) + self.bias.reshape([1, -1, 1, 1])


def halves(layer: nn.Conv2D, depthwise: bool = False) -> list[Callable[[Tensor], Tensor]]:
    """Split a convolution into two, for the first and the second half of its output channels.

    SimpleGate multiplies the two halves of a feature map (eq. 4, Fig. 4c). They are computed
    separately, because splitting the map takes longer than the block's depthwise convolution.

    Args:
        layer: a convolution with biases that keeps height and width.
        depthwise: whether it is depthwise; each half then takes half of the input channels.
    """
    weights, biases = paddle.split(layer.weight, 2), paddle.split(layer.bias, 2)
    groups = weights[0].shape[0] if depthwise else 1
    padding = layer.weight.shape[2] // 2
    return [
        partial(F.conv2d, weight=weight, bias=bias, padding=padding, groups=groups)
        for weight, bias in zip(weights, biases)
    ]


class SimplifiedChannelAttention(nn.Sequential):
    """Scales each channel by a linear function of all channel averages (eq. 6, Fig. 4b).

    Args:
        channels: C of [N, C, H, W]; the shape is kept.
    """

    def __init__(self, channels: int):
        super().__init__(nn.AdaptiveAvgPool2D(1), conv(channels, channels, 1, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        return x * super().forward(x)  # [N, C, H, W] · [N, C, 1, 1]


class LocalChannelAttention(nn.Layer):
    """Simplified channel attention with averages over windows (TLC).

    Args:
        layer: the layer to replace, with trained weights.
        windows: the windows of the averages.
    """

    def __init__(self, layer: SimplifiedChannelAttention, windows: Windows):
        super().__init__()
        _, self.conv = layer
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        return x * self.windows.spread(self.conv(self.windows.average(x)), x.shape[2:])


class NAFBlock(nn.Layer):
    """NAFNet's block: a mobile convolution module, then a feed-forward one (Fig. 3c).

    Each module normalises its input and adds its output, times a learnt scale, to a skip
    connection. Instead of an activation function, each has SimpleGate, the product of the two
    halves of the channels (eq. 4).

    Args:
        channels: channels of input and output; inside, there are twice as many before the gates.
    """

    def __init__(self, channels: int):
        super().__init__()
        inner = 2 * channels
        self.norm1 = LayerNorm2D(channels)
        self.conv1 = conv(channels, inner, 1, bias=True)
        self.conv2 = conv(inner, inner, 3, bias=True, groups=inner)
        self.sca = SimplifiedChannelAttention(channels)
        self.conv3 = conv(channels, channels, 1, bias=True)
        self.norm2 = LayerNorm2D(channels)
        self.conv4 = conv(channels, inner, 1, bias=True)
        self.conv5 = conv(channels, channels, 1, bias=True)
        # Zeros, so that every block is the identity at the start of training.
        self.beta = self.create_parameter([1, channels, 1, 1], is_bias=True)
        self.gamma = self.create_parameter([1, channels, 1, 1], is_bias=True)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.norm1(x)  # [N, C, H, W]
        both = zip(halves(self.conv1), halves(self.conv2, depthwise=True))
        first, second = (spatial(widen(normal)) for widen, spatial in both)
        x = x + self.beta * self.conv3(self.sca(first * second))  # [N, C, H, W]
        normal = self.norm2(x)
        first, second = (widen(normal) for widen in halves(self.conv4))
        return x + self.gamma * self.conv5(first * second)  # [N, C, H, W]


class NAFNet(nn.Layer):
    """NAFNet: a U-Net of NAFBlocks with one skip connection per level.

    Args:
        img_channel: channels of the degraded and of the restored picture.
        width: channels C at full resolution; each level down doubles them.
        middle_blk_num: blocks at the lowest resolution.
        enc_blk_nums: blocks of each level of the encoder, from full resolution down.
        dec_blk_nums: blocks of each level of the decoder, from the lowest resolution up; as many
            entries as in ``enc_blk_nums``.

    Raises:
        UsageError: a number of channels or blocks is out of range, or there are too many levels.
    """

    def __init__(
        self,
        img_channel: int = 3,
        width: int = 16,
        middle_blk_num: int = 1,
        enc_blk_nums: Sequence[int] = (),
        dec_blk_nums: Sequence[int] = (),
    ):
        super().__init__()
        levels = len(enc_blk_nums)
        if levels != len(dec_blk_nums) or levels > MOST_LEVELS:
            raise UsageError(
                f"enc_blk_nums has {levels} levels and dec_blk_nums {len(dec_blk_nums)}: give "
                f"both the same number, {MOST_LEVELS} at most."
            )
        for name, size in (("img_channel", img_channel), ("width", width)):
            check_whole_number(name, size, 1, 1 << 16)
        check_whole_number("middle_blk_num", middle_blk_num, 0, 1 << 10)
        for name, counts in (("enc_blk_nums", enc_blk_nums), ("dec_blk_nums", dec_blk_nums)):
            for level, count in enumerate(counts):
                check_whole_number(f"{name}[{level}]", count, 0, 1 << 10)

        def blocks(count: int, channels: int) -> nn.Sequential:
            return nn.Sequential(*(NAFBlock(channels) for _ in range(count)))

        widths = [width << level for level in range(levels)]
        self.intro = conv(img_channel, width, 3, bias=True)
        self.encoders = nn.LayerList(map(blocks, enc_blk_nums, widths))
        self.downs = nn.LayerList(conv(c, 2 * c, 2, bias=True, stride=2) for c in widths)
        self.middle_blks = blocks(middle_blk_num, width << levels)
        widths.reverse()
        self.ups = nn.LayerList(
            nn.Sequential(conv(2 * c, 4 * c, 1), nn.PixelShuffle(2)) for c in widths
        )
        self.decoders = nn.LayerList(map(blocks, dec_blk_nums, widths))
        self.ending = conv(width, img_channel, 3, bias=True)
        self.size_multiple = 1 << levels

    def forward(self, x: Tensor) -> Tensor:
        """Restore a batch of pictures.

        Args:
            x: degraded pictures [N, img_channel, H, W], values in [0, 1]. If H or W is not a
                multiple of 2 to the power of the number of levels, zeros are added at the bottom
                and on the right, and cut off from the result.

        Returns:
            [N, img_channel, H, W], not clipped.
        """
        height, width = x.shape[2:]
        bottom, right = -height % self.size_multiple, -width % self.size_multiple
        if bottom + right == 0:  # keeps the size out of exported graphs
            restored = self.restore(x)
        else:
            restored = self.restore(F.pad(x, [0, right, 0, bottom]))[:, :, :height, :width]
        return restored

    def restore(self, picture: Tensor) -> Tensor:
        """The network without padding; H and W must be multiples of ``size_multiple``."""
        x = self.intro(picture)  # [N, C, H, W]
        skips = []
        for encoder, down in zip(self.encoders, self.downs):
            x = encoder(x)
            skips.append(x)
            x = down(x)  # twice the channels, half the height and width
        x = self.middle_blks(x)
        for up, decoder in zip(self.ups, self.decoders):
            x = decoder(up(x) + skips.pop())
        return self.ending(x) + picture  # [N, img_channel, H, W]
