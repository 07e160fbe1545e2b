from __future__ import annotations

import math

import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks.blocks.conv import conv, conv_doubling

paddle = require("paddle")


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_odd_kernels_keep_height_and_width(kernel_size):
    assert conv(3, 4, kernel_size)(paddle.rand([1, 3, 7, 10])).shape == [1, 4, 7, 10]


def test_transposed_convolution_doubles_height_and_width():
    assert conv_doubling(3)(paddle.rand([1, 3, 7, 10])).shape == [1, 3, 14, 20]


def test_initial_weights_are_uniform_within_one_over_the_root_of_the_inputs():
    paddle.seed(0)
    weights, bound = conv(32, 64).weight.numpy(), 1 / math.sqrt(32 * 9)
    assert 0.99 * bound < np.abs(weights).max() <= bound
    assert weights.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
