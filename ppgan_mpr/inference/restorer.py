"""The one way from a picture to a restored picture, whatever its size and the backend."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Callable

import numpy as np

from ..errors import UsageError
from . import attention, memory
from .backends import create_backend
from .ensemble import TRANSFORMS
from .model import Model
from .padding import Padding
from .tiling import Crop, Grid, blend, plan, plan_side

_OVERLAP = 32
_TILE_SHARE = 0.75  # of the memory


class Restorer:
    """Restores pictures of any size in bounded memory.

    A picture that fits the memory goes through the network whole. A larger one is cut into
    tiles, which share the averages of the channel attention (see :mod:`.attention`), overlap
    and blend (see :mod:`.tiling`).

    Args:
        model: the network.
        backend, device, precision, threads: see :func:`.backends.create_backend`.
        memory: what the network may work in, in bytes or as ``800M``, ``1.5G``; default: half
            of what is free, at most 600 MB, as larger tiles are slower.
        tile: longest side of a tile in pixels; default: what fits the memory.
        overlap: of neighbouring tiles in pixels.
        ensemble: average the results for the eight flips and rotations of the picture.

    Raises:
        UsageError: an option makes no sense.
        MissingDependencyError: the backend is not installed.
    """

    def __init__(
        self,
        model: Model,
        *,
        backend: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        memory: str | int | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        ensemble: bool = False,
    ):
        _whole_number("threads", threads, 1, 1024)
        _whole_number("tile", tile, 64, 1 << 16)
        largest = (tile or 4096) // 4
        overlap = min(_OVERLAP, largest) if overlap is None else overlap
        _whole_number("overlap", overlap, 8, largest)
        self._budget = _budget(memory)
        self._tile, self._overlap = tile, overlap
        self._transforms = TRANSFORMS if ensemble else TRANSFORMS[:1]
        self.backend = create_backend(model, backend, device, precision, threads)
        self._shares = not model.local
        self._most: float = float("inf")  # pixels that have not run out of memory so far

    def __call__(
        self, image: np.ndarray, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Restore a picture.

        Args:
            image: [H, W, C] float32 in [0, 1], any size from 1×1 up.
            progress: called with the number of finished tiles and of all tiles.

        Returns:
            [H, W, 3] float32, not clipped.
        """
        height, width = image.shape[:2]
        strips = self.strips(height, width, lambda rows, columns: image[rows, columns], progress)
        return np.concatenate([strip for _, strip in strips])

    def strips(
        self,
        height: int,
        width: int,
        crop: Crop,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Restore a picture that is never held as a whole.

        Args:
            height, width: of the picture.
            crop: (rows, columns) → [h, w, C] float32 in [0, 1] of the picture.
            progress: see :meth:`__call__`.

        Yields:
            Rows and their restored pixels [rows, W, 3] float32, not clipped, from top to
            bottom.

        Raises:
            MemoryError: even the smallest tile does not fit.
        """
        padding = Padding(height, width, self.backend.size_multiple)
        padded_crop = padding.crop(crop)
        grid = self._grid(padding.height, padding.width)
        if grid.count == 1:
            every = slice(0, padding.height), slice(0, padding.width)
            try:
                whole = self._forward(padded_crop(*every), (0, 0, 1, 1), None)
            except MemoryError:
                grid = self._smaller(grid)
            else:
                if progress:
                    progress(1, 1)
                yield from padding.cut(every[0], whole)
                return
        averages = None
        while self._shares and averages is None:
            try:
                averages = self._averages(grid, padded_crop)
            except MemoryError:
                grid = self._smaller(grid)
        finished = 0

        def run(tile, top, left):
            nonlocal finished
            place = (
                top / padding.height,
                left / padding.width,
                tile.shape[0] / padding.height,
                tile.shape[1] / padding.width,
            )
            restored = self._run(tile, place, averages)
            finished += 1
            if progress:
                progress(finished, grid.count)
            return restored

        for rows, strip in blend(grid, padded_crop, run):
            yield from padding.cut(rows, strip)
        self._most *= 2  # the next photo may find more room

    def _grid(self, height: int, width: int) -> Grid:
        multiple, most = self.backend.size_multiple, self._pixels()
        if self._tile:
            grid = plan_side(height, width, self._tile, self._overlap, multiple)
            most = self._most  # what the user asks for is tried
            if math.prod(grid.tile) <= most:
                return grid
        elif height * width <= self._pixels(whole=True):
            most = height * width
        # More would leave little of a tile that fits the memory.
        overlap = min(self._overlap, max(8, int(most**0.5) // 4))
        return plan(height, width, int(most), overlap, multiple)

    def _smaller(self, grid: Grid) -> Grid:
        """The grid of smaller tiles, for a picture of which no tile is finished yet."""
        self._most = math.prod(grid.tile) // 2
        smaller = self._grid(grid.rows.size, grid.columns.size)
        if math.prod(smaller.tile) >= math.prod(grid.tile):
            self._most = float("inf")  # the next photo may find more room
            raise MemoryError("not even the smallest tile fits")
        return smaller

    def _pixels(self, whole: bool = False) -> float:
        """The pixels of the largest tile, or of the largest whole photo, that fits."""
        room = self.backend.room = self._budget or memory.default_budget(self.backend.kept)
        # Tiles leave some for the network that measures averages, which then need not be
        # loaded again for the next photo.
        share = 1 if whole else _TILE_SHARE
        # For an ensemble the backend keeps two networks, for upright and for turned tiles.
        kept = 1 if len(self._transforms) == 1 else 2
        return min(share * room / self.backend.bytes_per_pixel / kept, self._most)

    def _averages(self, grid: Grid, crop: Crop) -> list[list[np.ndarray]]:
        """The photo's averages for each transform."""
        most = int(min(self._pixels(), math.prod(grid.tile)))
        multiple = self.backend.size_multiple
        sample = attention.mosaic(grid.rows.size, grid.columns.size, crop, multiple, most)
        return [
            self.backend.measure(_batch(transform.apply(sample))) for transform in self._transforms
        ]

    def _run(self, tile: np.ndarray, place: tuple, averages) -> np.ndarray:
        """One tile [h, w, C] → [h, w, 3]; halved as often as memory demands."""
        pixels = tile.shape[0] * tile.shape[1]
        if pixels <= self._most:
            try:
                return self._forward(tile, place, averages)
            except MemoryError:
                self._most = pixels // 2
        return self._halved(tile, place, averages)

    def _halved(self, tile: np.ndarray, place: tuple, averages) -> np.ndarray:
        height, width = tile.shape[:2]
        grid = plan(height, width, int(self._most), 16, self.backend.size_multiple)
        if grid.count == 1:
            self._most = float("inf")  # the next photo may find more room
            raise MemoryError("not even the smallest tile fits")
        top, left, tall, wide = place

        def run(part, y, x):
            inner = (
                top + tall * y / height,
                left + wide * x / width,
                tall * part.shape[0] / height,
                wide * part.shape[1] / width,
            )
            return self._run(part, inner, averages)

        parts = blend(grid, lambda rows, columns: tile[rows, columns], run)
        return np.concatenate([strip for _, strip in parts])

    def _forward(self, tile: np.ndarray, place: tuple, averages) -> np.ndarray:
        total = None
        for index, transform in enumerate(self._transforms):
            given = None
            if averages is not None:
                given = attention.of_tile(averages[index], *transform.place(*place))
            result = self.backend.run(_batch(transform.apply(tile)), given)
            restored = transform.undo(result[0].transpose(1, 2, 0))
            total = restored.copy() if total is None else total + restored
        return total / np.float32(len(self._transforms))


def _batch(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)  # [1, C, H, W]


def _budget(size) -> int | None:
    return None if size is None else memory.parse_memory(size)


def _whole_number(name: str, value, low: int, high: int) -> None:
    if value is not None and not (type(value) is int and low <= value <= high):
        raise UsageError(f"{name} is {value!r}: give a whole number from {low} to {high}.")
