"""Test-time local converter (TLC): channel attention over windows instead of whole pictures.

Chu et al., *Improving Image Restoration by Revisiting Global Information Aggregation*, ECCV
2022 (arXiv 2112.04491). A network trained on patches of 256×256 has only seen averages over
such patches. Averages over a large photograph have another distribution, but averages over
windows of about the patches' size have about the same.

Selective kernel feature fusion, which the paper does not cover, also depends on channel averages
and is converted in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from .attention import CALayer
from .skff import SKFF, select

_STEPS = 32  # minimum number of strides in a window's side
_PROBE = 32  # side in pixels of the test picture that finds the layers' map sizes


class Windows:
    """Averages over windows of a map, and the interpolation of gates to the map's size.

    The average over a large window hardly changes from one pixel to the next. So only small
    windows are placed at every row and column. Larger ones are placed at every 2nd, 4th or 8th,
    and the gates in between are interpolated.

    Args:
        sides: height and width of the windows.
        exact: place windows of any size at every row and column, which is slow.
    """

    def __init__(self, sides: tuple[int, int], exact: bool = False):
        self._sides = sides
        finest = 1 if exact else max(1, min(sides) // _STEPS)
        self._coarsest = 1 << (finest.bit_length() - 1)

    def average(self, x: Tensor) -> Tensor:
        """The averages over all windows, [N, C, H, W] → [N, C, h, w]."""
        if all(side >= length for side, length in zip(self._sides, x.shape[2:])):
            return F.adaptive_avg_pool2d(x, 1)  # one window covers the whole map
        return local_average(x, self._sides, self._stride(x.shape[2:]))

    def spread(self, gate: Tensor, size: list[int]) -> Tensor:
        """Gates for every position, [N, C, h, w] → [N, C, H, W]; [N, C, 1, 1] is unchanged.

        Args:
            gate: computed from the averages.
            size: H and W.
        """
        if gate.shape[2:] == [1, 1]:
            return gate
        stride = self._stride(size)
        # Windows stay inside the map, so the outermost gates are repeated up to the border.
        pads: list[int] = []
        for axis in (1, 0):
            missing = size[axis] // stride - gate.shape[2 + axis]
            before = min(missing, round((self._sides[axis] - 1) // 2 / stride))
            single = gate.shape[2 + axis] == 1  # interpolation already repeats a single gate
            pads += [0, 0] if single else [before, missing - before]
        gate = F.pad(gate, pads, mode="replicate")
        if gate.shape[2:] != size:
            gate = F.interpolate(gate, size=size, mode="bilinear", align_mode=1)
        return gate

    def _stride(self, size: list[int]) -> int:
        return math.gcd(self._coarsest, *self._sides, *size)


class LocalCALayer(nn.Layer):
    """A :class:`CALayer` with averages over windows, so that its gate varies over the map.

    Args:
        layer: the layer to replace, with trained weights.
        windows: the windows of the averages.
    """

    def __init__(self, layer: CALayer, windows: Windows):
        super().__init__()
        self.conv_du = layer.conv_du
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        return x * self.windows.spread(self.conv_du(self.windows.average(x)), x.shape[2:])


class LocalSKFF(nn.Layer):
    """An :class:`SKFF` with averages over windows, so that its gates vary over the map.

    Args:
        layer: the layer to replace, with trained weights.
        windows: the windows of the averages.
    """

    def __init__(self, layer: SKFF, windows: Windows):
        super().__init__()
        self.conv_du, self.fcs = layer.conv_du, layer.fcs
        self.windows = windows

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        windows, size = self.windows, streams[0].shape[2:]
        descriptor = self.conv_du(reduce(add, [windows.average(stream) for stream in streams]))
        gates = select([fc(descriptor) for fc in self.fcs])
        gated = [stream * windows.spread(gate, size) for stream, gate in zip(streams, gates)]
        return reduce(add, gated)


def local_average(x: Tensor, window: tuple[int, int], stride: int) -> Tensor:
    """Averages over all windows inside a map.

    Args:
        x: [N, C, H, W], sides multiples of ``stride``.
        window: height and width, multiples of ``stride``; they are limited to the map's.
        stride: distance between neighbouring windows.

    Returns:
        [N, C, (H - height) / stride + 1, (W - width) / stride + 1].
    """
    height, width = (min(length, size) // stride for length, size in zip(window, x.shape[2:]))
    if stride > 1:
        x = F.avg_pool2d(x, stride, stride)
    return F.avg_pool2d(F.avg_pool2d(x, [height, 1], 1), [1, width], 1)


def convert_to_local(
    network: nn.Layer,
    replacements: Mapping[type[Any], type[Any]],
    window: int,
    channels: int,
    exact: bool = False,
) -> None:
    """Replace layers that average over the whole map by windowed ones, in place.

    Each layer's windows are as large as its maps for a picture with sides of ``window`` pixels.
    This size depends on the layer's resolution and on whether the network cuts the picture into
    halves or quadrants. It is measured by running a small picture through the network.

    Args:
        network: in evaluation mode.
        replacements: layer class → class of its replacement, which is built from the layer and
            its :class:`Windows`.
        window: side of the windows in pixels of the picture.
        channels: channels of the network's input.
        exact: see :class:`Windows`.
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
    for parent, name, layer in places:
        height, width = (int(side * window / _PROBE) for side in seen[id(layer)])
        windows = Windows((height, width), exact)
        setattr(parent, name, replacements[type(layer)](layer, windows))
