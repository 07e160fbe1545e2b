from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.skff import SKFF, select

paddle = require("paddle")


@pytest.mark.parametrize("branches", [2, 3])
def test_equal_streams_are_unchanged(branches):
    """The gates of all streams sum to one for each channel."""
    x = paddle.rand([2, 8, 4, 5])
    fused = SKFF(8, branches, paddle.nn.PReLU())([x] * branches)
    np.testing.assert_allclose(fused.numpy(), x.numpy(), atol=1e-6)


def test_stream_with_the_highest_scores_is_selected():
    scores = [paddle.full([1, 4, 1, 1], value) for value in (0.0, 30.0, 0.0)]
    gates = [float(gate.max()) for gate in select(scores)]
    assert gates == pytest.approx([0, 1, 0], abs=1e-6)


def test_gates_depend_on_the_content_of_the_streams():
    paddle.seed(0)
    layer = SKFF(8, 2, paddle.nn.LeakyReLU(0.2))
    for fc in layer.fcs:
        fc.weight.set_value(fc.weight * 8)
    first, second = paddle.ones([1, 8, 4, 4]), paddle.zeros([1, 8, 4, 4])
    once, twice = layer([first, second]), layer([2 * first, second]) / 2
    assert float((once - twice).abs().max()) > 1e-3
