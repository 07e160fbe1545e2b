"""TinyNet's layers: depthwise convolution, normalisation, a global gate, pixel shuffle."""

import paddle
from paddle import nn


class ChannelNorm(nn.Layer):
    """Normalises each pixel over its channels."""

    def __init__(self, channels):
        super().__init__()
        self.scale = self.create_parameter([1, channels, 1, 1])
        self.shift = self.create_parameter([1, channels, 1, 1], is_bias=True)

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        return centred / paddle.sqrt(variance + 1e-6) * self.scale + self.shift


class Block(nn.Layer):
    """Depthwise convolution, a gate from the averages of the whole map, and the input."""

    def __init__(self, channels):
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.depthwise = nn.Conv2D(channels, channels, 3, padding=1, groups=channels)
        self.pool = nn.AdaptiveAvgPool2D(1)
        self.gate = nn.Conv2D(channels, channels, 1)

    def forward(self, x):
        y = nn.functional.gelu(self.depthwise(self.norm(x)))
        return x + y * self.gate(self.pool(y))


class TinyNet(nn.Layer):
    """Halves the resolution, passes some blocks, doubles it by pixel shuffle.

    Args:
        width: channels at half resolution.
        num_blocks: number of blocks in each group.
        wave: adds an operation that no exporter knows, and a parameter to recognise it by.
    """

    def __init__(self, width=8, num_blocks=(1, 1), wave=False):
        super().__init__()
        self.encode = nn.Conv2D(3, width, 2, stride=2)
        self.blocks = nn.Sequential(
            *(nn.Sequential(*(Block(width) for _ in range(count))) for count in num_blocks)
        )
        self.decode = nn.Sequential(nn.Conv2D(width, 12, 1), nn.PixelShuffle(2))
        self.wave = self.create_parameter([1]) if wave else None

    def forward(self, x):
        features = self.blocks(self.encode(x))
        if self.wave is not None:
            features = features + paddle.sin(features * self.wave)
        return x + self.decode(features)
