from __future__ import annotations

import pytest

from ppgan_mpr.checks import (
    check_choice,
    check_whole_number,
    did_you_mean,
    exact_name,
    shortened,
)
from ppgan_mpr.errors import UsageError


@pytest.mark.parametrize("value", [0, 9, 2.0, "2", True, None])
def test_only_whole_numbers_in_the_range_pass(value):
    check_whole_number("jobs", 1, 1, 8)
    check_whole_number("jobs", 8, 1, 8)
    with pytest.raises(UsageError, match=r"^jobs=.*: give a whole number from 1 to 8\.$"):
        check_whole_number("jobs", value, 1, 8)


def test_none_passes_if_the_number_is_optional():
    check_whole_number("tile", None, 1, 8, optional=True)
    with pytest.raises(UsageError, match="tile=0"):
        check_whole_number("tile", 0, 1, 8, optional=True)


def test_the_message_says_what_the_largest_number_is():
    with pytest.raises(UsageError, match=r"from 1 to 8, a quarter of tile=32\.$"):
        check_whole_number("overlap", 9, 1, 8, high_is="a quarter of tile=32")


def test_choices_need_not_be_text():
    check_choice("local", None, (None, True, False))
    with pytest.raises(UsageError, match="local='yes': choose one of None, True, False"):
        check_choice("local", "yes", (None, True, False))


def test_names_are_found_in_any_case_and_returned_exactly():
    assert exact_name("colour", "RED", ["Red", "Green"]) == "Red"
    with pytest.raises(UsageError, match="colour='gren': did you mean Green"):
        exact_name("colour", "gren", ["Red", "Green"])


def test_all_names_are_listed_if_none_is_similar():
    assert did_you_mean("xyz", iter(["Red", "Green"])) == "choose one of Red, Green."


def test_long_values_are_shortened_in_messages():
    assert shortened("x" * 198) == repr("x" * 198)
    assert shortened("x" * 5000).startswith("'xxx") and len(shortened("x" * 5000)) < 200
