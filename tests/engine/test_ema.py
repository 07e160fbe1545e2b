from __future__ import annotations

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")

from ppgan_mpr.engine.ema import EMA  # noqa: E402


@pytest.fixture
def network():
    return paddle.nn.Linear(2, 2, bias_attr=False)


def fill(network, value):
    network.weight.set_value(np.full((2, 2), value, "float32"))


def test_average_follows_the_weights_fast_at_first_then_by_its_decay(network):
    fill(network, 0.0)
    ema = EMA(network, decay=0.5)
    expected = 0.0
    for number in range(1, 12):
        fill(network, float(number))
        ema.update()
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * number
        assert ema.state_dict()["weight"] == pytest.approx(np.full((2, 2), expected), rel=1e-5)


def test_network_gets_its_own_weights_back_after_evaluation(network):
    fill(network, 1.0)
    ema = EMA(network, decay=0.5)
    fill(network, 3.0)
    with pytest.raises(ZeroDivisionError), ema.applied():
        assert network.weight.numpy().max() == 1.0
        raise ZeroDivisionError
    assert network.weight.numpy().min() == 3.0


def test_weights_shared_between_layers_are_averaged_once():
    layer = paddle.nn.Linear(2, 2, bias_attr=False)
    network = paddle.nn.Sequential(layer, layer)
    fill(layer, 0.0)
    ema = EMA(network, decay=0.5)
    fill(layer, 1.0)
    ema.update()
    state = ema.state_dict()
    assert set(state) == {"0.weight", "1.weight"}
    assert state["0.weight"] == pytest.approx(np.full((2, 2), 9 / 11))
    np.testing.assert_array_equal(state["0.weight"], state["1.weight"])

    copy = EMA(network, decay=0.5)
    copy.set_state_dict(state, updates=1)
    fill(layer, 5.0)
    ema.update(), copy.update()
    np.testing.assert_array_equal(copy.state_dict()["0.weight"], ema.state_dict()["0.weight"])


def test_average_of_a_16_bit_network_stays_float32(network):
    fill(network, 1.0)
    ema = EMA(network, decay=0.5)
    fill(network, 1.001)
    ema.update()
    network.to(dtype="float16")
    wanted = 1 + 0.001 * 9 / 11
    assert ema.state_dict()["weight"] == pytest.approx(np.full((2, 2), wanted), abs=1e-6)
