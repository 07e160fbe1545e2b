"""Restoration of whole pictures of any size, for validation."""

from __future__ import annotations

import numpy as np
import paddle

from ..imaging.padding import source_indices
from ..imaging.samples import to_dtype
from ..networks import spec_of


def restore_whole(network: paddle.nn.Layer, degraded: paddle.Tensor, padding: str) -> paddle.Tensor:
    """Restore a batch in one pass.

    Args:
        network: the network, whose first output is the result.
        degraded: [N, C, H, W].
        padding: the sides on which pictures are padded to the multiple that the network needs, see
            :func:`ppgan_mpr.imaging.padding.source_indices`.

    Returns:
        The network's output [N, 3, H, W], cut to the size of the input.
    """
    multiple = size_multiple(network)
    padded, parts = degraded, []
    for axis in (2, 3):
        indices, part = _pad_side(degraded.shape[axis], multiple, padding)
        parts.append(part)
        if len(indices) > degraded.shape[axis]:
            padded = paddle.index_select(padded, paddle.to_tensor(indices), axis)
    outputs = network(padded)
    restored = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
    return restored[:, :, parts[0], parts[1]]


def size_multiple(network: paddle.nn.Layer) -> int:
    """Height and width of the network's input must be multiples of this number."""
    spec = spec_of(network)
    return 1 if spec is None else spec.size_multiple


def to_image(picture: paddle.Tensor) -> np.ndarray:
    """Convert [3, H, W] in [0, 1] to rounded uint8 [H, W, 3]."""
    return to_dtype(picture.transpose([1, 2, 0]).numpy(), np.uint8)


def _pad_side(size: int, multiple: int, padding: str) -> tuple[np.ndarray, slice]:
    """The indices that pad a side of a picture, and the picture's range in the padded side."""
    indices = source_indices(size, multiple, padding)
    before = (len(indices) - size) // 2 if padding == "both" else 0
    return indices, slice(before, before + size)
