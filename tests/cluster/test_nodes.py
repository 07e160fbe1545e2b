import pytest

from ppgan_mpr.cluster.nodes import last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [("trace\n  why\n\n", "why"), ("", "ArithmeticError"), (" \n", "ArithmeticError")],
)
def test_error_is_described_by_its_last_line_or_its_type(text, line):
    assert last_line(ArithmeticError(text)) == line
