from __future__ import annotations

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.resize import DownSample, SkipUpSample, UpSample

paddle = require("paddle")
interpolate = paddle.nn.functional.interpolate


def test_halving_is_bilinear_downsampling_before_the_convolution():
    layer, x = DownSample(4, 2), paddle.rand([1, 4, 8, 12])
    convolution = layer.sublayers()[-1]
    bilinear = interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(layer(x).numpy(), convolution(bilinear).numpy(), atol=1e-6)


def test_doubling_equals_bilinear_upsampling_before_the_convolution():
    """The layer convolves the smaller map, which gives the same result."""
    layer, x = UpSample(4, 2), paddle.rand([1, 6, 5, 7])
    bilinear = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    expected = layer.project(bilinear)
    assert expected.shape == [1, 4, 10, 14]
    np.testing.assert_allclose(layer(x).numpy(), expected.numpy(), atol=1e-6)


def test_skip_connection_is_added_to_the_doubled_map():
    layer, x, y = SkipUpSample(4, 2), paddle.rand([1, 6, 5, 7]), paddle.rand([1, 4, 10, 14])
    alone = layer(x, paddle.zeros_like(y))
    np.testing.assert_allclose(layer(x, y).numpy(), (alone + y).numpy(), atol=1e-6)
