import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.residual_resize import BlurPool

paddle = require("paddle")


def test_blur_pool_is_a_binomial_at_every_other_pixel():
    x = np.random.default_rng(0).random((1, 2, 6, 8), np.float32)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "reflect")
    columns = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
    blurred = (columns[:, :, :-2] + 2 * columns[:, :, 1:-1] + columns[:, :, 2:]) / 4
    halved = BlurPool(2)(paddle.to_tensor(x)).numpy()
    np.testing.assert_allclose(halved, blurred[:, :, ::2, ::2], atol=1e-6)
