"""The speed of a network, remembered between runs."""

import pytest

from ppgan_mpr.apps.pace import Pace
from ppgan_mpr.inference import Cache


def test_pace_is_remembered_for_its_network_alone(tmp_path):
    pace = Pace(Cache(tmp_path), "a")
    assert pace.remembered() is None
    pace.note(3000, [0.0, 60.0, 62.0])
    pace.save()
    assert Pace(Cache(tmp_path), "a").remembered() == pytest.approx(1500)
    assert Pace(Cache(tmp_path), "b").remembered() is None


def test_first_tile_does_not_count(tmp_path):
    pace = Pace(Cache(tmp_path), "a")
    pace.note(1000, [0.0, 60.0])
    pace.note(1000, [70.0, 72.0])
    pace.note(1000, [80.0, 81.0, 82.0])
    pace.save()
    assert pace.remembered() == pytest.approx(750)


def test_pace_of_a_short_run_is_not_stored(tmp_path):
    pace = Pace(Cache(tmp_path), "a")
    pace.save()
    pace.note(1000, [0.0, 5.0, 5.1])
    pace.save()
    assert pace.remembered() is None
