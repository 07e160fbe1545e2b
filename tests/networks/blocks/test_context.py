from __future__ import annotations

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.context import AttentivePool, ContextBlock

paddle = require("paddle")


def test_pool_of_equal_scores_is_the_mean():
    x = paddle.rand([2, 4, 3, 5])
    pooled = AttentivePool()(x, paddle.full([2, 1, 3, 5], 7.0))
    np.testing.assert_allclose(pooled.numpy()[..., 0], x.numpy().mean((2, 3)), rtol=1e-5)


def test_pool_weights_positions_by_their_scores():
    x, scores = paddle.rand([1, 4, 3, 5]), paddle.zeros([1, 1, 3, 5])
    scores[0, 0, 2, 1] = 50.0
    pooled = AttentivePool()(x, scores)
    np.testing.assert_allclose(pooled.numpy()[0, :, 0], x.numpy()[0, :, 2, 1], rtol=1e-5)


def test_block_adds_one_vector_to_every_position():
    x = paddle.rand([1, 4, 6, 6])
    added = (ContextBlock(4)(x) - x).numpy()
    np.testing.assert_allclose(added, np.broadcast_to(added[..., :1, :1], added.shape), atol=1e-6)
    assert np.abs(added).max() > 1e-4
