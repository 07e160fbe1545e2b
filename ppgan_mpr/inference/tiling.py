"""Cuts a picture of any size into overlapping tiles of equal size, and blends their results.

The result is returned in strips from top to bottom, each as soon as it is complete. So neither the
whole picture nor the whole result has to be in memory as floating-point numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Callable

import numpy as np

#: A function (rows, columns) → [h, w, C] float32 that crops a picture.
Crop = Callable[[slice, slice], np.ndarray]

# Convolutions are up to a third faster on maps whose sides are multiples of this.
_FAST = 64


@dataclass(frozen=True)
class Axis:
    """Evenly spaced tiles along one side of a picture.

    Attributes:
        size: length of the side in pixels.
        tile: length of every tile.
        starts: first pixel of each tile.
    """

    size: int
    tile: int
    starts: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.starts)

    def weights(self, index: int) -> np.ndarray:
        """The weight of tile ``index`` in the blend at each of its positions, [tile] float32.

        It is a sin² ramp where the tile overlaps a neighbour. The weights of all tiles sum to one,
        even where three overlap.
        """
        start = self.starts[index]
        total = np.zeros(self.tile, np.float32)
        for number, other in enumerate(self.starts):
            first, last = max(start, other), min(start, other) + self.tile
            if first < last:
                total[first - start : last - start] += self._ramps(number)[
                    first - other : last - other
                ]
        return self._ramps(index) / total

    def _ramps(self, index: int) -> np.ndarray:
        weights = np.ones(self.tile, np.float32)
        if index > 0:
            overlap = self.starts[index - 1] + self.tile - self.starts[index]
            weights[:overlap] *= _ramp(overlap)
        if index + 1 < self.count:
            overlap = self.starts[index] + self.tile - self.starts[index + 1]
            weights[self.tile - overlap :] *= _ramp(overlap)[::-1]
        return weights


@dataclass(frozen=True)
class Grid:
    """A grid of tiles over a picture, at every combination of ``rows`` and ``columns``."""

    rows: Axis
    columns: Axis

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of every tile."""
        return self.rows.tile, self.columns.tile

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.rows.count * self.columns.count

    def places(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of each tile, in reading order."""
        for top, left in itertools.product(self.rows.starts, self.columns.starts):
            yield slice(top, top + self.rows.tile), slice(left, left + self.columns.tile)


def divide(size: int, count: int, overlap: int, multiple: int) -> Axis:
    """Place ``count`` equal tiles along a side of ``size``, which is a multiple of ``multiple``.

    Starts and length are also multiples. Neighbours overlap by at least ``overlap``, rounded down
    to a multiple. Long tiles get a length for which convolutions are fast.
    """
    length = _length(size, count, overlap, multiple)
    if length == size:
        return Axis(size, size, (0,))
    steps, last = (size - length) // multiple, count - 1
    return Axis(size, length, tuple(steps * i // last * multiple for i in range(count)))


def _length(size: int, count: int, overlap: int, multiple: int) -> int:
    step = multiple if size < 2 * count * _FAST else math.lcm(multiple, _FAST)
    length = math.ceil((size + (count - 1) * overlap) / (count * step)) * step
    return size if count == 1 else min(length, size)


def plan_side(height: int, width: int, side: int, overlap: int, multiple: int) -> Grid:
    """The grid with the fewest tiles whose sides are at most ``side``."""

    def axis(size: int) -> Axis:
        count = 1
        while _length(size, count, overlap, multiple) > side and count < size:
            count += 1
        return divide(size, count, overlap, multiple)

    return Grid(axis(height), axis(width))


def plan(height: int, width: int, pixels: int, overlap: int, multiple: int) -> Grid:
    """The grid of tiles with at most ``pixels`` each that computes the fewest pixels in total.

    Tiles exceed ``pixels`` if the overlap needs more.
    """
    least = 2 * overlap + 4 * multiple  # with shorter tiles, three would overlap

    def choices(size: int) -> list[tuple[int, int]]:
        """Possible lengths of tiles, each with the smallest number of tiles."""
        found: dict[int, int] = {}
        for count in range(1, max(2, size // least) + 1):
            found.setdefault(_length(size, count, overlap, multiple), count)
        return list(found.items())

    def cost(choice: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, int, int]:
        (tall, down), (wide, across) = choice
        area, count = tall * wide, down * across
        return max(area - pixels, 0), area * count, count

    best = min(itertools.product(choices(height), choices(width)), key=cost)
    rows, columns = (
        divide(size, count, overlap, multiple) for size, (_, count) in zip((height, width), best)
    )
    return Grid(rows, columns)


def blend(grid: Grid, results: Iterable[np.ndarray]) -> Iterator[tuple[slice, np.ndarray]]:
    """Join the restored tiles of a picture.

    Args:
        grid: grid of the picture.
        results: the restored tiles [h, w, C'] float32 in the order of :meth:`Grid.places`; each
            is requested when it is needed.

    Yields:
        Rows and their pixels [rows, W, C'] float32, from top to bottom. The tiles that are still
        to come do not read these rows of the picture, so the result may overwrite them.
    """
    rows, columns = grid.rows, grid.columns
    tiles = iter(results)
    if grid.count == 1:
        yield slice(0, rows.size), next(tiles)
        return
    carried: np.ndarray | None = None  # incomplete rows, where the next tiles overlap
    for i, top in enumerate(rows.starts):
        strip: np.ndarray | None = None
        down = rows.weights(i)[:, None, None]
        for j, left in enumerate(columns.starts):
            window = slice(left, left + columns.tile)
            result = next(tiles)
            if strip is None:
                strip = np.zeros([rows.tile, columns.size, result.shape[2]], np.float32)
                if carried is not None:
                    strip[: len(carried)] = carried
            strip[:, window] += result * (down * columns.weights(j)[:, None])
        assert strip is not None  # there is at least one column
        final = rows.tile if i + 1 == rows.count else rows.starts[i + 1] - top
        yield slice(top, top + final), strip[:final]
        carried = strip[final:].copy()


def _ramp(length: int) -> np.ndarray:
    """Weights that rise from 0 to 1 as sin²; they and their mirror image sum to one."""
    return np.sin((np.arange(length, dtype=np.float32) + 0.5) / length * (np.pi / 2)) ** 2
