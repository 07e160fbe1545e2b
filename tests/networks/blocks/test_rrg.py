from __future__ import annotations

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.rrg import RRG

paddle = require("paddle")


def test_group_adds_its_residual_to_the_input():
    group, x = RRG([paddle.nn.ReLU(), paddle.nn.Tanh()], 4), paddle.rand([1, 4, 6, 5]) - 0.5
    convolution = group.sublayers()[-1]
    expected = x + convolution(paddle.tanh(paddle.nn.functional.relu(x)))
    np.testing.assert_allclose(group(x).numpy(), expected.numpy(), atol=1e-6)
