from __future__ import annotations

import math

import pytest

pytest.importorskip("paddle")

from ppgan_mpr.engine.schedule import CosineAnnealingRestartCyclicLR, WarmupCosine
from ppgan_mpr.errors import UsageError


def rates(schedule, count):
    values = []
    for _ in range(count):
        values.append(schedule())
        schedule.step()
    return values


def test_warm_up_is_linear_and_the_rest_a_half_cosine():
    schedule = WarmupCosine(2e-4, warmup_iters=4, eta_min=1e-6)
    schedule.span(24)
    found = rates(schedule, 30)
    assert found[:4] == pytest.approx([0.5e-4, 1e-4, 1.5e-4, 2e-4])
    assert found[4] == pytest.approx(2e-4)
    assert found[14] == pytest.approx((2e-4 + 1e-6) / 2)  # half-way down
    assert found[9] == pytest.approx(1e-6 + (2e-4 - 1e-6) * (1 + math.cos(math.pi / 4)) / 2)
    assert found[24:] == pytest.approx([1e-6] * 6)  # stays there


def test_configured_length_overrides_that_of_the_run():
    schedule = WarmupCosine(1.0, total_iters=10)
    schedule.span(1000)
    assert rates(schedule, 11)[10] == pytest.approx(0.0)


def test_state_continues_the_schedule():
    schedule, other = WarmupCosine(1.0, 2, 9), WarmupCosine(1.0, 2, 9)
    expected = rates(schedule, 8)
    for _ in range(5):
        other.step()
    again = WarmupCosine(1.0, 2, 9)
    again.set_state_dict(other.state_dict())
    assert rates(again, 3) == expected[5:]


def test_warm_up_longer_than_the_run_is_an_error():
    with pytest.raises(UsageError, match="warmup_iters is 11"):
        WarmupCosine(1.0, warmup_iters=11).span(10)


def test_cycle_of_mirnetv2_rises_and_then_falls_from_its_base():
    """From 2e-4 up to 3e-4 in the first period, then from 2e-4 down to 1e-6 in the second."""
    schedule = CosineAnnealingRestartCyclicLR(2e-4, [4, 10], [1, 1], [3e-4, 1e-6])
    found = rates(schedule, 20)
    assert found[0] == pytest.approx(2e-4)
    assert found[2] == pytest.approx(2.5e-4)
    assert found[4] == pytest.approx(3e-4)  # still in the first period
    assert found[5] == pytest.approx(1e-6 + (2e-4 - 1e-6) * (1 + math.cos(math.pi / 10)) / 2)
    assert found[9] == pytest.approx((2e-4 + 1e-6) / 2)
    assert found[14:] == pytest.approx([1e-6] * 6)  # stays there


def test_weight_of_a_period_scales_the_rate_above_its_minimum():
    schedule = CosineAnnealingRestartCyclicLR(1.0, [2, 2], [1, 0.5], [0.0, 0.2])
    assert rates(schedule, 4)[3] == pytest.approx(0.2 + 0.5 * 0.8 / 2)


@pytest.mark.parametrize(
    ("periods", "weights", "message"),
    [([4, 10], [1], "2 periods, 1 restart_weights"), ([0], [1], "periods is")],
)
def test_impossible_periods_are_an_error(periods, weights, message):
    with pytest.raises(UsageError, match=message):
        CosineAnnealingRestartCyclicLR(1.0, periods, weights, [0.0] * len(periods))
