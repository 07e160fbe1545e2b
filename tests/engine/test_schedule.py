from __future__ import annotations

import math

import pytest

pytest.importorskip("paddle")

from ppgan_mpr.engine.schedule import WarmupCosine
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
