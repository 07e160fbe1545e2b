"""Restores one picture: tile by tile, and in smaller tiles if the memory runs out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Callable

import numpy as np

from . import memory
from .backends.base import Backend
from .ensemble import Transform
from .planning import Planner, needed_on_cpu
from .shared_statistics import (
    SceneStatistics,
    join_batch,
    sample_mosaic,
    statistics_for_tile,
)
from .tiling import Crop, Grid, blend, plan

Place = tuple[float, float, float, float]  # top, left, height, width in fractions of the photo
Shared = list[list[np.ndarray]]  # statistics for each transform
#: Called with the numbers of finished tiles and of all tiles.
Progress = Callable[[int, int], None]


@dataclass
class TileUse:
    """The tiles that a picture was restored in; :meth:`.restorer.Restorer.strips` fills it in.

    Attributes:
        planned: height and width of the planned tiles.
        smallest: height and width of the smallest tile that was used.
        count: number of tiles.
        planned_batch: planned number of tiles per call.
        smallest_batch: number of tiles per call that memory allowed.
        device: device that computed them: ``cpu`` or ``gpu:N``.
    """

    planned: tuple[int, int] = (0, 0)
    smallest: tuple[int, int] = (0, 0)
    count: int = 0
    planned_batch: int = 1
    smallest_batch: int = 1
    device: str = ""

    @property
    def warning(self) -> str | None:
        """A warning if memory was too short for the planned tiles or batches, else None."""
        if self.smallest == self.planned:
            if self.smallest_batch == self.planned_batch:
                return None
            return (
                f"memory was short, so its tiles were computed {self.smallest_batch} at a time "
                f"instead of {self.planned_batch}, which takes longer"
            )
        (tall, wide), (planned_tall, planned_wide) = self.smallest, self.planned
        return (
            f"memory was short, so it was restored in tiles of {wide}x{tall} pixels instead of "
            f"{planned_wide}x{planned_tall}, and its pixels differ from those of other runs"
        )


class Picture:
    """One picture on its way through the network.

    Each picture starts with the planned tiles, so that a shortage of memory does not affect later
    pictures.

    Args:
        backend: runs the network.
        planner: plans the tiles.
        transforms: the results of these flips and rotations are averaged.
        height, width: size of the picture, multiples of the network's ``size_multiple``.
        crop: (rows, columns) → [h, w, C] float32 in [0, 1] of the picture.
        progress: see :meth:`.restorer.Restorer.__call__`.
        used: is filled in with the tiles that were used.
        fits: whether the memory sufficed for the whole picture when :attr:`backend` began to load
            its network, so that the memory needs no check once it is loaded.
    """

    def __init__(
        self,
        backend: Backend,
        planner: Planner,
        transforms: Sequence[Transform],
        height: int,
        width: int,
        crop: Crop,
        progress: Progress | None,
        used: TileUse,
        fits: bool = False,
    ):
        self._backend = backend
        self._planner = planner
        self._transforms = transforms
        self._height, self._width = height, width
        self._crop = crop
        self._progress = progress
        self._used, self._fits = used, fits
        self._limit: float = math.inf  # maximum pixels of a tile; larger ones do not fit
        self._batch = 1  # tiles in one call

    def strips(
        self, share_statistics: bool, scene: SceneStatistics | None, step: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Restore the picture.

        Args:
            share_statistics: whether all tiles use statistics of the whole picture.
            scene: shares the statistics of its first picture; None: the picture has its own.
            step: index of this network among those that the scene goes through.

        Yields:
            Rows and their restored pixels [rows, W, C'] float32, from top to bottom.

        Raises:
            MemoryError: even the smallest tile does not fit.
        """
        grid = self._plan()
        shared = None if scene is None else scene.measured.get(step)
        if grid.count == 1 and scene is None:
            restored = self._whole(grid)
            if restored is not None:
                self._report(1, grid)
                yield slice(0, self._height), restored
                return
            self._backend.forget()
            grid = self._smaller(grid)
        while share_statistics and shared is None:
            self._backend.load_ahead(*grid.tile, given=True)  # while the statistics are measured
            try:
                shared = self._measure(grid)
            except MemoryError:
                grid = self._smaller(grid)
            else:
                if grid.count > 1:
                    self._report(0, grid)  # from now on, the time goes into tiles
        if scene is not None and shared is not None:
            scene.measured[step] = shared
        yield from blend(grid, self._restored(grid, shared))

    def _whole(self, grid: Grid) -> np.ndarray | None:
        """The restored picture [H, W, C'] in one piece; None if the memory does not suffice."""
        self._backend.load_ahead(*grid.tile, given=False)  # while the pixels are converted
        try:
            tile = _Tile(self._crop(slice(0, self._height), slice(0, self._width)), (0, 0, 1, 1))
            batch = _batch([self._transforms[0].apply(tile.image)])
            if self._fits and not self._backend.has_loaded_ahead:
                self._fits = False  # loading ahead failed; compiling may need more memory
                if self._plan().count > 1:
                    return None
            return self._forward([tile], None, batch)[0]
        except MemoryError:
            return None  # returning frees the memory of the failed call

    def _restored(self, grid: Grid, shared: Shared | None) -> Iterator[np.ndarray]:
        """The restored tiles of a grid, in order."""
        places = grid.places()
        finished = 0
        while group := list(islice(places, self._batch)):
            tiles = [_Tile(self._crop(*place), self._fractions(*place)) for place in group]
            for result in self._run(tiles, shared):
                finished += 1
                self._report(finished, grid)
                yield result

    def _fractions(self, rows: slice, columns: slice) -> Place:
        return (
            rows.start / self._height,
            columns.start / self._width,
            (rows.stop - rows.start) / self._height,
            (columns.stop - columns.start) / self._width,
        )

    def _report(self, finished: int, grid: Grid) -> None:
        if self._progress:
            self._progress(finished, grid.count)

    def _plan(self) -> Grid:
        """The planned grid, or one of smaller tiles if the planned ones surely do not fit."""
        planner, backend = self._planner, self._backend
        grid = planner.grid(self._height, self._width)
        self._used.planned, self._used.device = grid.tile, backend.device
        backend.keep_budget = planner.budget
        # On a GPU, free memory is not checked ahead: tiles get smaller once an allocation fails.
        if backend.device == "cpu" and not self._fits:
            needed = needed_on_cpu(planner, backend, grid)
            spare = memory.reduced_budget(needed, backend.kept_bytes)
            if spare is not None:
                backend.keep_budget = min(planner.budget, spare)
                self._limit = planner.pixels(spare)
                grid = planner.grid(self._height, self._width, self._limit)
        self._note(grid)
        return grid

    def _smaller(self, grid: Grid) -> Grid:
        """A grid of smaller tiles; may be called only before the first tile is finished."""
        self._limit = min(self._limit, math.prod(grid.tile) // 2)
        smaller = self._planner.grid(self._height, self._width, self._limit)
        if math.prod(smaller.tile) >= math.prod(grid.tile):
            raise MemoryError("not even the smallest tile fits")
        self._note(smaller)
        return smaller

    def _note(self, grid: Grid) -> None:
        """Record and report the grid that is used, and choose the batch size for it."""
        self._batch = self._planner.batch(grid)
        self._used.smallest, self._used.count = grid.tile, grid.count
        self._used.planned_batch = self._used.smallest_batch = self._batch
        if grid.count > 1:
            self._report(0, grid)

    def _measure(self, grid: Grid) -> Shared:
        """The picture's statistics for each transform."""
        most = int(min(self._planner.tile_pixels, self._limit, math.prod(grid.tile)))
        multiple = self._planner.multiple
        sample = sample_mosaic(self._height, self._width, self._crop, multiple, most)
        return [
            self._backend.measure(_batch([transform.apply(sample)]))
            for transform in self._transforms
        ]

    def _run(self, tiles: Sequence[_Tile], shared: Shared | None) -> Iterator[np.ndarray]:
        """Restore tiles of equal size, giving [h, w, C'] for each.

        If memory runs out, first fewer tiles are computed at once, then each tile is halved as
        often as necessary.
        """
        if tiles[0].pixels <= self._limit:
            try:
                results = self._forward(tiles, shared)
            except MemoryError:
                pass  # handled below, where the failed call's memory is released
            else:
                yield from results
                return
            if len(tiles) > 1:
                fewer = len(tiles) // 2
                self._batch = self._used.smallest_batch = fewer
                for start in range(0, len(tiles), fewer):
                    yield from self._run(tiles[start : start + fewer], shared)
                return
            self._limit = tiles[0].pixels // 2
        for tile in tiles:
            yield self._run_in_parts(tile, shared)

    def _run_in_parts(self, tile: _Tile, shared: Shared | None) -> np.ndarray:
        height, width = tile.image.shape[:2]
        grid = plan(height, width, int(self._limit), 16, self._planner.multiple)
        if grid.count == 1:
            raise MemoryError("not even the smallest tile fits")
        if math.prod(grid.tile) < math.prod(self._used.smallest):
            self._used.smallest = grid.tile
        parts = (tile.part(*place) for place in grid.places())
        results = (result for part in parts for result in self._run([part], shared))
        return np.concatenate([strip for _, strip in blend(grid, results)])

    def _forward(
        self, tiles: Sequence[_Tile], shared: Shared | None, first: np.ndarray | None = None
    ) -> np.ndarray:
        """Run tiles of equal size through the network → [N, h, w, C'].

        Args:
            tiles: of equal size.
            shared: statistics of the picture for each transform; None: each tile has its own.
            first: the network's input for the first transform, if it is there already.
        """
        total: np.ndarray | None = None
        for index, transform in enumerate(self._transforms):
            given = None
            if shared is not None:
                places = (transform.place(*tile.place) for tile in tiles)
                given = join_batch([statistics_for_tile(shared[index], *place) for place in places])
            batch, first = first, None
            if batch is None:
                batch = _batch([transform.apply(tile.image) for tile in tiles])
            results = self._backend.run(batch, given).transpose(0, 2, 3, 1)
            restored = np.stack([transform.undo(result) for result in results])
            total = restored if total is None else total + restored
        assert total is not None  # there is at least one transform
        return total if index == 0 else total / np.float32(index + 1)


@dataclass(frozen=True)
class _Tile:
    """A tile of a picture.

    Attributes:
        image: pixels [h, w, C].
        place: position in the picture.
    """

    image: np.ndarray
    place: Place

    @property
    def pixels(self) -> int:
        return self.image.shape[0] * self.image.shape[1]

    def part(self, rows: slice, columns: slice) -> _Tile:
        """Some rows and columns of the tile."""
        height, width = self.image.shape[:2]
        top, left, tall, wide = self.place
        image = self.image[rows, columns]
        return _Tile(
            image,
            (
                top + tall * rows.start / height,
                left + wide * columns.start / width,
                tall * image.shape[0] / height,
                wide * image.shape[1] / width,
            ),
        )


def _batch(images: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures [H, W, C] of equal size as one array [N, C, H, W]."""
    height, width, channels = images[0].shape
    batch = np.empty([len(images), channels, height, width], np.float32)
    for place, image in zip(batch, images):
        place[...] = image.transpose(2, 0, 1)
    return batch
