"""Test-time local converter (TLC): channel attention over windows instead of whole pictures.

Chu et al., *Improving Image Restoration by Revisiting Global Information Aggregation*, ECCV
2022 (arXiv 2112.04491). A network trained on patches of 256×256 has only seen averages over
such patches. In a large photograph the average over all of it is another statistic; the
average over a window around each pixel is not.
"""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import nn

from .attention import CAB, CALayer

_STEPS = 32  # or more lead from one window to the next that shares nothing with it
_PROBE = 32  # side of the picture that finds out the layers' resolutions


class LocalCALayer(nn.Layer):
    """A :class:`CALayer` whose gate differs from place to place.

    The average over a large window hardly changes from one pixel to the next. So windows are
    taken at every row and column only while they are small; of large ones at every 2nd, 4th
    or 8th, and the gates are interpolated between.

    Args:
        layer: holds the trained convolutions.
        window: height and width of the averages.
    """

    def __init__(self, layer: CALayer, window: tuple[int, int]):
        super().__init__()
        self.conv_du = layer.conv_du
        self.window = window

    def forward(self, x):
        size = x.shape[2:]  # H, W
        finest = max(1, min(self.window) // _STEPS)
        stride = math.gcd(1 << (finest.bit_length() - 1), *self.window, *size)
        gate = self.conv_du(local_average(x, self.window, stride))
        if gate.shape[2:] == [1, 1]:
            return x * gate
        # Windows end at the border: the outermost gates are repeated up to it.
        pads = []
        for axis in (1, 0):
            missing = size[axis] // stride - gate.shape[2 + axis]
            before = min(missing, round((self.window[axis] - 1) // 2 / stride))
            alone = gate.shape[2 + axis] == 1  # one gate for the whole side stretches by itself
            pads += [0, 0] if alone else [before, missing - before]
        gate = F.pad(gate, pads, mode="replicate")
        if gate.shape[2:] != size:
            gate = F.interpolate(gate, size=size, mode="bilinear", align_mode=1)
        return x * gate


def local_average(x, window: tuple[int, int], stride: int):
    """Averages over windows that lie within the map.

    Args:
        x: [N, C, H, W], sides multiples of ``stride``.
        window: height and width, multiples of ``stride``; a side as long as the map or longer
            takes all of it.
        stride: between neighbouring windows.

    Returns:
        [N, C, (H - height) / stride + 1, (W - width) / stride + 1].
    """
    height, width = (min(length, size) // stride for length, size in zip(window, x.shape[2:]))
    if stride > 1:
        x = F.avg_pool2d(x, stride, stride)
    return F.avg_pool2d(F.avg_pool2d(x, [height, 1], 1), [1, width], 1)


def convert_to_local(network: nn.Layer, train_size: int = 256, factor: float = 1.5) -> None:
    """Replace the channel attention of a trained network, in place.

    Each layer's window is ``factor`` times the size of the maps that it saw in training, also
    where the network cuts the picture into quadrants or halves, or halves its resolution.

    Args:
        network: built of CABs, in evaluation mode.
        train_size: side of the training patches.
        factor: 1.5 is the paper's choice.
    """
    seen: dict[int, tuple[int, int]] = {}

    def note(layer, inputs):
        seen[id(layer)] = tuple(inputs[0].shape[2:])

    blocks = [layer for layer in network.sublayers() if isinstance(layer, CAB)]
    hooks = [block.CA.register_forward_pre_hook(note) for block in blocks]
    channels = next(iter(network.parameters())).shape[1]
    with paddle.no_grad():
        network(paddle.zeros([1, channels, _PROBE, _PROBE]))
    for hook in hooks:
        hook.remove()
    for block in blocks:
        window = tuple(int(side * train_size / _PROBE * factor) for side in seen[id(block.CA)])
        block.CA = LocalCALayer(block.CA, window)
