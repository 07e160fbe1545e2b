"""The progress bar over pictures."""

from __future__ import annotations

import io
import re

from ppgan_mpr.commands.bars import PhotoBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_pictures_per_minute_and_the_time_left_are_shown(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with PhotoBar(20) as bar:
        assert re.search(r"0/20 \[[\d:]+\]", str(bar))
        bar.start_t -= 20
        bar.n = 10
        assert re.search(r"10/20 \[00:20, (29|30)\.\d pictures/min, about 20 s left\]", str(bar))


def test_a_better_estimate_of_the_time_left_is_preferred(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with PhotoBar(20) as bar:
        bar.start_t -= 20
        bar.n = 10
        bar.seconds_left = 300
        assert "about 5 min left" in str(bar)
        bar.n = 20
        assert "left" not in str(bar)


def test_a_bar_begins_before_the_number_of_pictures_is_known(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with PhotoBar(None) as bar:
        assert "0/?" in str(bar)
        bar.total, bar.n, bar.seconds_left = 20, 10, 300
        assert "10/20" in str(bar) and "about 5 min left" in str(bar)
