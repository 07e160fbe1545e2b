from __future__ import annotations

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.attention import CAB, CALayer

paddle = require("paddle")


def test_each_channel_is_scaled_by_a_gate_of_all_channel_averages():
    paddle.seed(0)
    layer = CALayer(8, reduction=4)
    x = paddle.rand([2, 8, 5, 7])
    squeeze, expand = (layer.conv_du[i].weight.numpy()[:, :, 0, 0] for i in (0, 2))
    averages = x.numpy().mean((2, 3))
    gates = 1 / (1 + np.exp(-np.maximum(averages @ squeeze.T, 0) @ expand.T))
    np.testing.assert_allclose(layer(x).numpy(), x.numpy() * gates[..., None, None], rtol=1e-5)


def test_block_adds_its_gated_body_to_the_input():
    block = CAB(8, 3, reduction=4, bias=False, act=paddle.nn.PReLU())
    x = paddle.rand([1, 8, 6, 6])
    added = (block(x) - x).numpy()
    np.testing.assert_allclose(added, block.CA(block.body(x)).numpy(), atol=1e-6)
    assert np.abs(added).max() > 1e-3
