"""Statistics that the tiles of one photograph share, so that all tiles are restored alike.

Channel attention weights features by their averages over the whole picture. If each tile had its
own averages, tiles would be restored differently, and their borders would be visible. So the
averages are measured once, on a sample of the whole photo, and used for every tile. The network
states which layers compute such statistics (``NetworkSpec.shared_layers``).

The sample is a mosaic of small crops spread evenly over the photo. Each quadrant of the mosaic
comes from the same quadrant of the photo, because some networks average over halves or
quadrants separately.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .tiling import Crop

#: Prefix of the statistics' names: ``statistic_0``, ``statistic_1``, …
STATISTIC = "statistic_"

_CROP_SIDE = 64  # pixels
_SAMPLED_FRACTION = 1 / 16  # of the photo's pixels
_MIN_PIXELS, _MAX_PIXELS = 256 * 256, 512 * 512  # of the sample


class SceneStatistics:
    """Statistics that pictures of one scene share, such as the frames of a shot.

    If each frame had its own statistics, its brightness would differ slightly from that of the
    frame before it. So the statistics of the first picture are used for all.

    Attributes:
        measured: for each step, the statistics [N, C, ...] for each transform of an ensemble. If
            several tasks run in order, each is a step; a single task is step 0.
    """

    def __init__(self) -> None:
        self.measured: dict[int, list[list[np.ndarray]]] = {}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The measured statistics as named arrays that :meth:`from_arrays` reads."""
        return {
            f"{step}.{turn}.{number}": statistic
            for step, transforms in self.measured.items()
            for turn, statistics in enumerate(transforms)
            for number, statistic in enumerate(statistics)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> SceneStatistics:
        """The inverse of :meth:`to_arrays`; other names are ignored.

        A network without statistics has no arrays here. So the restoration of the next picture
        runs the network once more to look for statistics.
        """
        scene = cls()
        places = {tuple(map(int, name.split("."))): name for name in arrays if name[:1].isdigit()}
        for step, turn, _ in sorted(places):
            transforms = scene.measured.setdefault(step, [])
            if turn == len(transforms):
                transforms.append([])
        for place in sorted(places):
            scene.measured[place[0]][place[1]].append(arrays[places[place]])
        return scene


def is_statistic(output: Any) -> bool:
    """Whether a layer's output [N, C, ...] is a statistic: one number for each channel."""
    return all(side == 1 for side in output.shape[2:])


def is_statistic_name(name: str) -> bool:
    """Whether a value of an exported graph is a statistic, not an intermediate step of one."""
    return name.startswith(STATISTIC) and name[len(STATISTIC) :].isdecimal()


def sample_mosaic(
    height: int, width: int, crop: Crop, multiple: int, most: int = _MAX_PIXELS
) -> np.ndarray:
    """Sample a photo: a small picture with about the same statistics.

    Args:
        height, width: size of the photo, multiples of ``multiple``.
        crop: (rows, columns) → [h, w, C] float32 of the photo.
        multiple: the sides of the network's inputs must be multiples of this.
        most: approximate maximum number of pixels of the result.

    Returns:
        [h, w, C], sides multiples of twice ``multiple``.
    """
    pixels = min(max(_SAMPLED_FRACTION * height * width, _MIN_PIXELS), _MAX_PIXELS, most)
    crops = pixels / (4 * _CROP_SIDE**2)  # in each quadrant
    down = max(1, round((crops * height / width) ** 0.5))
    across = max(1, round(crops / down))
    rows, columns = _spread(height, down, multiple), _spread(width, across, multiple)
    return np.concatenate(
        [np.concatenate([crop(row, column) for column in columns], axis=1) for row in rows]
    )


def _spread(size: int, count: int, multiple: int) -> list[slice]:
    """Positions of crops along a side: ``count`` in each half, or fewer if the side is short."""
    crop = min(_CROP_SIDE, max(multiple, size // 2 // multiple * multiple))
    count = max(1, min(count, size // 2 // crop))
    middles = (np.arange(2 * count) + 0.5) * (size / (2 * count))
    starts = np.clip(middles - crop / 2, 0, size - crop).astype(int).tolist()
    return [slice(start, start + crop) for start in starts]


def statistics_for_tile(
    statistics: list[np.ndarray], top: float, left: float, height: float, width: float
) -> list[np.ndarray]:
    """Select the statistics for a tile.

    Statistics of a whole picture have a batch of one. Some layers take halves (top, bottom) or
    quadrants (top left, bottom left, top right, bottom right) of the picture as a batch. There,
    each half or quadrant of the tile gets the statistics of the photo's half or quadrant that
    contains its centre.

    Args:
        statistics: the photo's statistics [N, C, ...], N = 1, 2 or 4.
        top, left, height, width: place of the tile, in fractions of the photo's sides.
    """
    rows = [int(top + part * height >= 0.5) for part in (0.25, 0.75)]
    columns = [int(left + part * width >= 0.5) for part in (0.25, 0.75)]
    order = {1: [0], 2: rows, 4: [2 * column + row for column in columns for row in rows]}
    return [statistic[order[len(statistic)]] for statistic in statistics]


def join_batch(statistics: Sequence[list[np.ndarray]]) -> list[np.ndarray]:
    """Join the statistics of tiles into those of a batch.

    Args:
        statistics: for each tile, equally many arrays [K, C, ...], K = 1, 2 or 4.

    Returns:
        As many arrays as one tile has, [K * N, C, ...] for N tiles. The first halves or quadrants
        of all tiles come first, as networks cut a batch in this order.
    """
    if len(statistics) == 1:
        return statistics[0]
    return [np.concatenate(np.stack(alike, axis=1)) for alike in zip(*statistics)]
