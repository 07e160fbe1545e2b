"""Test-time local converter (TLC): channel attention over windows instead of whole pictures.

Chu et al., *Improving Image Restoration by Revisiting Global Information Aggregation*, ECCV
2022 (arXiv 2112.04491). A network trained on patches of 256×256 has only seen averages over
such patches. In a large photograph the average over all of it is another statistic; the
average over a window around each pixel is not.

Selective kernel feature fusion, which the paper does not treat, gates by channel averages too
and is converted alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import nn

from .attention import CALayer
from .skff import SKFF, select

_STEPS = 32  # or more lead from one window to the next that shares nothing with it
_PROBE = 32  # side of the picture that finds out the layers' resolutions


class _Windows:
    """Averages over windows of a map, and gates computed from them brought to its size.

    The average over a large window hardly changes from one pixel to the next. So windows are
    taken at every row and column only while they are small; of large ones at every 2nd, 4th
    or 8th, and the gates are interpolated between.

    Args:
        window: height and width of the windows.
        size: height and width of the map.
    """

    def __init__(self, window: tuple[int, int], size: list[int]):
        finest = max(1, min(window) // _STEPS)
        self._stride = math.gcd(1 << (finest.bit_length() - 1), *window, *size)
        self._window, self._size = window, size

    def average(self, x):
        """[N, C, H, W] → [N, C, h, w]."""
        return local_average(x, self._window, self._stride)

    def spread(self, gate):
        """[N, C, h, w] → [N, C, H, W], or as it is where one window covers the map."""
        size, stride = self._size, self._stride
        if gate.shape[2:] == [1, 1]:
            return gate
        # Windows end at the border: the outermost gates are repeated up to it.
        pads = []
        for axis in (1, 0):
            missing = size[axis] // stride - gate.shape[2 + axis]
            before = min(missing, round((self._window[axis] - 1) // 2 / stride))
            alone = gate.shape[2 + axis] == 1  # one gate for the whole side stretches by itself
            pads += [0, 0] if alone else [before, missing - before]
        gate = F.pad(gate, pads, mode="replicate")
        if gate.shape[2:] != size:
            gate = F.interpolate(gate, size=size, mode="bilinear", align_mode=1)
        return gate


class LocalCALayer(nn.Layer):
    """A :class:`CALayer` whose gate differs from place to place.

    Args:
        layer: holds the trained convolutions.
        window: height and width of the averages.
    """

    def __init__(self, layer: CALayer, window: tuple[int, int]):
        super().__init__()
        self.conv_du = layer.conv_du
        self.window = window

    def forward(self, x):
        windows = _Windows(self.window, x.shape[2:])
        return x * windows.spread(self.conv_du(windows.average(x)))


class LocalSKFF(nn.Layer):
    """A :class:`SKFF` whose gates differ from place to place.

    Args:
        layer: holds the trained convolutions.
        window: height and width of the averages.
    """

    def __init__(self, layer: SKFF, window: tuple[int, int]):
        super().__init__()
        self.conv_du, self.fcs = layer.conv_du, layer.fcs
        self.window = window

    def forward(self, streams):
        windows = _Windows(self.window, streams[0].shape[2:])
        descriptor = self.conv_du(reduce(add, [windows.average(stream) for stream in streams]))
        gates = select([fc(descriptor) for fc in self.fcs])
        gated = [stream * windows.spread(gate) for stream, gate in zip(streams, gates)]
        return reduce(add, gated)


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


def convert_to_local(
    network: nn.Layer,
    replacements: Mapping[type, type],
    patch_size: int,
    channels: int,
    factor: float = 1.5,
) -> None:
    """Replace layers that average over the whole map by windowed ones, in place.

    Each layer's window is ``factor`` times the size of the maps that it saw in training, also
    where the network cuts the picture into quadrants or halves, or halves its resolution.

    Args:
        network: in evaluation mode.
        replacements: layer class → class that takes such a layer and its window (height and
            width), and does the same with windowed averages.
        patch_size: side of the training patches in pixels.
        channels: of the picture that the network takes.
        factor: 1.5 is the paper's choice.
    """
    seen: dict[int, tuple[int, int]] = {}

    def note_size(layer: nn.Layer, inputs: tuple[Any, ...]) -> None:
        first = inputs[0][0] if isinstance(inputs[0], (list, tuple)) else inputs[0]
        seen[id(layer)] = tuple(first.shape[2:])

    places = [
        (parent, name, layer)
        for parent in network.sublayers(include_self=True)
        for name, layer in parent.named_children()
        if type(layer) in replacements
    ]
    hooks = [layer.register_forward_pre_hook(note_size) for _, _, layer in places]
    with paddle.no_grad():
        network(paddle.zeros([1, channels, _PROBE, _PROBE]))
    for hook in hooks:
        hook.remove()
    growth = patch_size / _PROBE * factor
    for parent, name, layer in places:
        window = tuple(int(side * growth) for side in seen[id(layer)])
        setattr(parent, name, replacements[type(layer)](layer, window))
