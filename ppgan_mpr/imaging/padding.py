"""Padding of pictures to sizes that a network accepts."""

from __future__ import annotations

import numpy as np

from ..checks import check_choice

#: Where padding is added: half of it on each side, or all of it at the end (bottom and right).
PADDING_SIDES = ("both", "end")


def source_indices(size: int, multiple: int, sides: str = "both") -> np.ndarray:
    """For each row of the padded picture, the index of the picture's row that it copies.

    The border mirrors the picture without repeating its outermost row. If the picture has too few
    rows to mirror, the outermost row is repeated. Columns are padded by the same rule.

    Args:
        size: rows (or columns) of the picture, at least 1.
        multiple: the padded size is the next multiple of this number.
        sides: ``'both'`` splits the padding, with an odd row at the end; ``'end'`` pads at the
            bottom (right) only.

    Returns:
        int [padded size], values in [0, size). ``picture[source_indices(len(picture), 8)]`` pads.

    Raises:
        UsageError: ``sides`` has another value.

    Example:
        >>> source_indices(6, 8).tolist()
        [1, 0, 1, 2, 3, 4, 5, 4]
        >>> source_indices(6, 8, 'end').tolist()
        [0, 1, 2, 3, 4, 5, 4, 3]
    """
    check_choice("padding", sides, PADDING_SIDES)
    total = -size % multiple
    before = total // 2 if sides == "both" else 0
    after = total - before
    return np.pad(np.arange(size), (before, after), "reflect" if after < size else "edge")
