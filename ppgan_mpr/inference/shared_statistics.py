"""Statistics that the tiles of one photograph share.

Channel attention weighs features by their averages over the whole picture. A tile by itself
would take its own averages, and a piece of sky would be treated unlike the same sky beside a
forest. So the statistics are measured once, on a sample of the whole photo, and given to every
tile. Which layers compute statistics is stated by the network (``NetworkSpec.shared_layers``).

The sample is a mosaic of small crops spread evenly over the photo, each quadrant of the
mosaic taken from the same quadrant of the photo, because networks over a multi-patch
hierarchy average quadrants and halves separately.
"""

from __future__ import annotations

import numpy as np

from .tiling import Crop

_CROP = 64
_SHARE = 1 / 16  # of the photo's pixels
_LEAST, _MOST = 256 * 256, 512 * 512  # pixels


def sample_mosaic(
    height: int, width: int, crop: Crop, multiple: int, most: int = _MOST
) -> np.ndarray:
    """A small picture with the statistics of a large one.

    Args:
        height, width: of the photo, multiples of ``multiple``.
        crop: (rows, columns) → [h, w, C] float32 of the photo.
        multiple: what the network wants of a picture's sides.
        most: pixels of the result, as far as whole crops allow.

    Returns:
        [h, w, C], sides multiples of twice ``multiple``.
    """
    wanted = min(max(_SHARE * height * width, _LEAST), _MOST, most)
    wanted /= 4 * _CROP**2  # crops in a quadrant
    down = max(1, round((wanted * height / width) ** 0.5))
    across = max(1, round(wanted / down))
    rows, columns = _spread(height, down, multiple), _spread(width, across, multiple)
    return np.concatenate(
        [np.concatenate([crop(row, column) for column in columns], axis=1) for row in rows]
    )


def _spread(size: int, count: int, multiple: int) -> list[slice]:
    """``count`` crops centred in equal parts of each half of a side, fewer if it is short."""
    crop = min(_CROP, max(multiple, size // 2 // multiple * multiple))
    count = max(1, min(count, size // 2 // crop))
    middles = (np.arange(2 * count) + 0.5) * (size / (2 * count))
    starts = np.clip(middles - crop / 2, 0, size - crop).astype(int).tolist()
    return [slice(start, start + crop) for start in starts]


def statistics_for_tile(
    statistics: list[np.ndarray], top: float, left: float, height: float, width: float
) -> list[np.ndarray]:
    """The statistics that belong to a tile.

    Statistics of a whole picture have a batch of one. Where the network takes halves (top,
    bottom) or quadrants (top left, bottom left, top right, bottom right) as its batch, each
    part of the tile gets the statistics of that part of the photo in which its middle lies.

    Args:
        statistics: [N, C, ...] each, N = 1, 2 or 4, of the photo.
        top, left, height, width: of the tile, as fractions of the photo's sides.
    """
    rows = [int(top + part * height >= 0.5) for part in (0.25, 0.75)]
    columns = [int(left + part * width >= 0.5) for part in (0.25, 0.75)]
    order = {1: [0], 2: rows, 4: [2 * column + row for column in columns for row in rows]}
    return [statistic[order[len(statistic)]] for statistic in statistics]
