"""Restores a picture of any size in bounded memory: whole where it fits, else in tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np

from ..checks import check_choice
from ..imaging.padding import PADDING_SIDES
from . import memory
from .backends import create_backend
from .ensemble import TRANSFORMS
from .model import Model
from .options import InferenceOptions
from .padding import Padding
from .shared_statistics import sample_mosaic, statistics_for_tile
from .tiling import Crop, Grid, blend, plan, plan_side

Place = tuple[float, float, float, float]  # top, left, height, width in fractions of the photo
Shared = list[list[np.ndarray]]  # statistics for each transform

_OVERLAP = 32
_TILE_SHARE = 0.75  # of the memory


class Restorer:
    """Restores pictures of any size in bounded memory.

    A picture that fits the memory goes through the network whole. A larger one is cut into
    tiles, which share statistics such as the averages of channel attention (see
    :mod:`.shared_statistics`), overlap and blend (see :mod:`.tiling`).

    Args:
        model: the network.
        options: ``backend``, ``device``, ``precision``, ``threads``, ``memory``, ``tile``,
            ``overlap`` and ``ensemble`` count here; see :class:`.options.InferenceOptions`.
        padding: where pictures are padded to the network's multiple: ``'both'`` sides, or all of
            it at the ``'end'`` (bottom and right), as some published scores were measured.
        **changes: options by name, in the place of those in ``options``.

    Attributes:
        backend: what runs the network.

    Raises:
        UsageError: an option makes no sense.
        MissingDependencyError: the backend is not installed.
    """

    def __init__(
        self,
        model: Model,
        options: InferenceOptions | None = None,
        *,
        padding: str = "both",
        **changes: Any,
    ):
        check_choice("padding", padding, PADDING_SIDES)
        self._padding = padding
        options = (options or InferenceOptions()).replace(**changes)
        self._tile = options.tile
        # With windows of its own, a tile lacks what its border's windows would see outside.
        wanted = model.spec.window // 2 if model.local else _OVERLAP
        self._overlap = options.overlap or min(wanted, (options.tile or 4096) // 4)
        self._budget = options.memory_bytes
        self._transforms = TRANSFORMS if options.ensemble else TRANSFORMS[:1]
        self.backend = create_backend(model, options)
        self._multiple = model.spec.size_multiple
        self._shares_statistics = not model.local
        self._pixel_limit: float = float("inf")  # more pixels have run out of memory

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
        padding = Padding(height, width, self._multiple, self._padding)
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
        shared: Shared | None = None
        while self._shares_statistics and shared is None:
            try:
                shared = self._measure(grid, padded_crop)
            except MemoryError:
                grid = self._smaller(grid)
        finished = 0

        def run(tile: np.ndarray, top: int, left: int) -> np.ndarray:
            nonlocal finished
            place = (
                top / padding.height,
                left / padding.width,
                tile.shape[0] / padding.height,
                tile.shape[1] / padding.width,
            )
            restored = self._run(tile, place, shared)
            finished += 1
            if progress:
                progress(finished, grid.count)
            return restored

        for rows, strip in blend(grid, padded_crop, run):
            yield from padding.cut(rows, strip)
        self._pixel_limit *= 2  # the next photo may find more room

    def _grid(self, height: int, width: int) -> Grid:
        multiple, most = self._multiple, self._pixels()
        if self._tile:
            grid = plan_side(height, width, self._tile, self._overlap, multiple)
            most = self._pixel_limit  # what the user asks for is tried
            if math.prod(grid.tile) <= most:
                return grid
        elif height * width <= self._pixels(whole=True):
            most = height * width
        # More would leave little of a tile that fits the memory.
        overlap = min(self._overlap, max(8, int(most**0.5) // 4))
        return plan(height, width, int(most), overlap, multiple)

    def _smaller(self, grid: Grid) -> Grid:
        """The grid of smaller tiles, for a picture of which no tile is finished yet."""
        self._pixel_limit = math.prod(grid.tile) // 2
        smaller = self._grid(grid.rows.size, grid.columns.size)
        if math.prod(smaller.tile) >= math.prod(grid.tile):
            self._pixel_limit = float("inf")  # the next photo may find more room
            raise MemoryError("not even the smallest tile fits")
        return smaller

    def _pixels(self, whole: bool = False) -> float:
        """The pixels of the largest tile, or of the largest whole photo, that fits."""
        budget = self._budget or memory.default_budget(self.backend.kept_bytes)
        self.backend.keep_budget = budget
        # Tiles leave some for the network that measures statistics, which then need not be
        # loaded again for the next photo.
        share = 1 if whole else _TILE_SHARE
        # For an ensemble the backend keeps two networks, for upright and for turned tiles.
        networks = 1 if len(self._transforms) == 1 else 2
        return min(share * budget / self.backend.bytes_per_pixel / networks, self._pixel_limit)

    def _measure(self, grid: Grid, crop: Crop) -> Shared:
        """The photo's statistics for each transform."""
        most = int(min(self._pixels(), math.prod(grid.tile)))
        height, width = grid.rows.size, grid.columns.size
        sample = sample_mosaic(height, width, crop, self._multiple, most)
        return [
            self.backend.measure(_batch(transform.apply(sample))) for transform in self._transforms
        ]

    def _run(self, tile: np.ndarray, place: Place, shared: Shared | None) -> np.ndarray:
        """One tile [h, w, C] → [h, w, 3]; halved as often as memory demands."""
        pixels = tile.shape[0] * tile.shape[1]
        if pixels <= self._pixel_limit:
            try:
                return self._forward(tile, place, shared)
            except MemoryError:
                self._pixel_limit = pixels // 2
        return self._run_in_parts(tile, place, shared)

    def _run_in_parts(self, tile: np.ndarray, place: Place, shared: Shared | None) -> np.ndarray:
        height, width = tile.shape[:2]
        grid = plan(height, width, int(self._pixel_limit), 16, self._multiple)
        if grid.count == 1:
            self._pixel_limit = float("inf")  # the next photo may find more room
            raise MemoryError("not even the smallest tile fits")
        top, left, tall, wide = place

        def run(part: np.ndarray, y: int, x: int) -> np.ndarray:
            inner = (
                top + tall * y / height,
                left + wide * x / width,
                tall * part.shape[0] / height,
                wide * part.shape[1] / width,
            )
            return self._run(part, inner, shared)

        parts = blend(grid, lambda rows, columns: tile[rows, columns], run)
        return np.concatenate([strip for _, strip in parts])

    def _forward(self, tile: np.ndarray, place: Place, shared: Shared | None) -> np.ndarray:
        total: np.ndarray | None = None
        for index, transform in enumerate(self._transforms):
            given = None
            if shared is not None:
                given = statistics_for_tile(shared[index], *transform.place(*place))
            result = self.backend.run(_batch(transform.apply(tile)), given)
            restored = transform.undo(result[0].transpose(1, 2, 0))
            total = restored.copy() if total is None else total + restored
        assert total is not None  # there is at least one transform
        return total / np.float32(len(self._transforms))


def _batch(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)  # [1, C, H, W]
