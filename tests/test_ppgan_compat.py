from __future__ import annotations

import math

import pytest

from ppgan_mpr.ppgan_compat import soft_relu

paddle = pytest.importorskip("paddle")


def test_soft_relu_computes_what_paddle_2_4_did():
    values = soft_relu(paddle.to_tensor([-1.0, 0.0, 3.0, 1000.0]), threshold=20.0).numpy()
    expected = [math.log1p(math.exp(x)) for x in (-1, 0, 3, 20)]
    assert values == pytest.approx(expected, rel=1e-6)
