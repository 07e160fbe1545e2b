from __future__ import annotations

import pytest

from ppgan_mpr.web.job import TimeLeft


def pace_of(steps, finished):
    """An estimate after these (seconds, done, total), and its clock."""
    now = [0.0]
    pace = TimeLeft(steps, clock=lambda: now[0])
    for seconds, done, total in finished:
        now[0] = seconds
        pace.note(done, total)
    return pace, now


def test_the_time_left_follows_from_the_mean_time_of_a_tile():
    pace, now = pace_of(1, [(10, 1, 6), (13, 2, 6), (17, 3, 6)])
    assert pace.seconds_left == pytest.approx(3 * 3.5)
    now[0] += 2
    assert pace.seconds_left == pytest.approx(3 * 3.5 - 2)
    now[0] += 100
    assert pace.seconds_left == 0


def test_the_first_tile_alone_gives_no_estimate():
    pace, _ = pace_of(1, [(10, 1, 6)])
    assert pace.seconds_left is None
    assert (pace.done, pace.total) == (1, 6)


def test_the_start_of_a_step_sets_its_tiles_and_is_not_timed():
    pace, _ = pace_of(1, [(0, 0, 6)])
    assert (pace.step, pace.done, pace.total, pace.seconds_left) == (1, 0, 6, None)
    pace, _ = pace_of(1, [(0, 0, 6), (60, 1, 6), (62, 2, 6)])
    assert pace.seconds_left == pytest.approx(4 * 2)


def test_smaller_tiles_do_not_start_a_new_step():
    pace, _ = pace_of(2, [(0, 0, 2), (1, 0, 4), (2, 1, 4), (3, 2, 4), (4, 3, 4), (5, 4, 4)])
    assert pace.step == 1
    pace.note(0, 4)
    assert (pace.step, pace.done) == (2, 0)


def test_later_steps_are_assumed_to_be_as_slow_as_the_current_one():
    pace, _ = pace_of(2, [(0, 1, 4), (2, 2, 4)])
    assert pace.step == 1
    assert pace.seconds_left == pytest.approx(2 * 2 + 4 * 2)


def test_a_new_step_begins_with_its_first_tile():
    pace, _ = pace_of(2, [(0, 1, 2), (2, 2, 2), (9, 1, 2)])
    assert pace.step == 2
    assert pace.seconds_left == pytest.approx(2)
