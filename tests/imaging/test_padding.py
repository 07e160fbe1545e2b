"""Reflection padding to a multiple."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.errors import UsageError
from ppgan_mpr.imaging.padding import source_indices


@given(st.integers(8, 60), st.integers(1, 16), st.sampled_from(["both", "end"]))
def test_padding_equals_opencvs_reflection(size, multiple, sides):
    if multiple >= size:
        multiple = size - 1
    rows = source_indices(size, multiple, sides)
    total = len(rows) - size
    before = total // 2 if sides == "both" else 0
    column = np.arange(size, dtype=np.float32)[:, None]
    mirrored = cv2.copyMakeBorder(column, before, total - before, 0, 0, cv2.BORDER_REFLECT_101)
    assert len(rows) % multiple == 0 and total < multiple
    assert rows.tolist() == mirrored[:, 0].tolist()


@pytest.mark.parametrize(
    ("size", "sides", "expected"),
    [
        (2, "both", [0, 0, 0, 0, 1, 1, 1, 1]),
        (2, "end", [0, 1, 1, 1, 1, 1, 1, 1]),
        (5, "both", [1, 0, 1, 2, 3, 4, 3, 2]),
        (5, "end", [0, 1, 2, 3, 4, 3, 2, 1]),
        (4, "end", [0, 1, 2, 3, 3, 3, 3, 3]),  # three rows can be mirrored, four are needed
        (8, "both", [*range(8)]),
    ],
)
def test_padding_repeats_the_edge_of_tiny_pictures(size, sides, expected):
    assert source_indices(size, 8, sides).tolist() == expected


def test_unknown_padding_is_refused():
    with pytest.raises(UsageError, match="padding='ends': did you mean end"):
        source_indices(5, 8, "ends")
