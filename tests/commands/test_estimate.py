"""Estimates of the time left of a run."""

import pytest

from ppgan_mpr.commands.estimate import TimeLeft, duration


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_time_left_is_estimated_from_the_tiles_of_one_picture(clock):
    left = TimeLeft({"a": 3}, clock=clock)
    clock.now = 10
    assert left.note("a", 1, 4) == pytest.approx(30)
    clock.now = 12  # the first tile took longer, because the network was loaded
    assert left.note("a", 2, 4) == pytest.approx(4)
    clock.now = 14
    assert left.note("a", 3, 4) == pytest.approx(2)
    assert left.note("a", 4, 4) == 0


def test_first_picture_gives_no_estimate_if_it_is_one_tile(clock):
    left = TimeLeft({"a": 1, "b": 2, "c": 3}, clock=clock)
    clock.now = 10
    assert left.note("a", 1, 1) is None
    clock.now = 14
    assert left.note("b", 1, 1) == pytest.approx(6)


def test_pictures_that_need_no_work_shorten_the_time_left(clock):
    left = TimeLeft({"a": 1, "b": 1, "c": 8}, clock=clock)
    clock.now = 1
    left.note("a", 1, 2)
    left.leave_out("c")
    clock.now = 2
    assert left.note("a", 2, 2) == pytest.approx(2)


def test_each_task_of_a_chain_counts(clock):
    left = TimeLeft({"a": 1}, steps=2, clock=clock)
    clock.now = 1
    assert left.note("a", 1, 2) == pytest.approx(3)
    clock.now = 2
    assert left.note("a", 2, 2) == pytest.approx(2)
    clock.now = 3
    assert left.note("a", 1, 2) == pytest.approx(1)
    assert left.note("a", 2, 2) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (40.4, "40 s"), (99.4, "99 s"), (180, "3 min"), (7800, "2 h 10 min")],
)
def test_spans_of_time_in_words(seconds, words):
    assert duration(seconds) == words
