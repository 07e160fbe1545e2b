from __future__ import annotations

import pytest

from ppgan_mpr.engine.profiling import parse_options
from ppgan_mpr.errors import UsageError


def test_options_have_paddlegans_syntax():
    options = parse_options("batch_range=[50, 60]; state=CPU; exit_on_finished=False")
    assert options["batch_range"] == [50, 60]
    assert options["state"] == "CPU"
    assert options["exit_on_finished"] is False
    assert options["profile_path"] == "profile"  # a default


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchrange=[1, 2]", "no 'batchrange': did you mean batch_range"),
        ("batch_range=[5, 5]", "two ascending"),
        ("batch_range=5", "two ascending"),
        ("state=TPU", "state='TPU'"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(UsageError, match=message):
        parse_options(text)
