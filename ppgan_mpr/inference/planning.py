"""Tile plans: which tiles a picture is cut into, and how many are computed at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .backends.base import Backend
from .devices import Device
from .memory import gpu_budget
from .model import Model
from .options import InferenceOptions
from .tiling import Grid, plan, plan_side

_OVERLAP = 32  # default, in pixels
_TILE_SHARE = 0.75  # fraction of the memory for tiles


@dataclass(frozen=True)
class TilePlan:
    """The size and number of a picture's tiles.

    Attributes:
        tile: height and width of the tiles.
        count: number of tiles.
        memory: bytes of this computer's main memory that they take; 0 with a GPU.
    """

    tile: tuple[int, int]
    count: int
    memory: float


@dataclass(frozen=True)
class Planner:
    """Cuts pictures into tiles, always in the same way for pictures of the same size.

    The plan follows from the picture's size, the network and the options, and on a GPU from the
    card's total memory. It does not depend on the free memory, because the tiles affect the pixels
    of the result. If memory is short, callers give a limit.

    Attributes:
        bytes_per_pixel: working memory of the network for each pixel of a tile.
        budget: working memory in bytes.
        tile: maximum side of a tile, or None for the largest that the budget allows.
        overlap: minimum overlap of neighbouring tiles.
        multiple: sides of tiles are multiples of this.
        networks: number of networks that are kept at the same time.
        pixel_limit: maximum number of pixels in one call of the network.
        batches: whether several tiles go through the network in one call.
    """

    bytes_per_pixel: float
    budget: int
    tile: int | None
    overlap: int
    multiple: int
    networks: int = 1
    pixel_limit: float = math.inf
    batches: bool = False

    def grid(self, height: int, width: int, limit: float = math.inf) -> Grid:
        """The tiles of a picture.

        Args:
            height, width: size of the picture, multiples of ``multiple``.
            limit: maximum number of pixels of a tile if memory is short.
        """
        limit = min(limit, self.pixel_limit)
        if self.tile:
            grid = plan_side(height, width, self.tile, self.overlap, self.multiple)
            if math.prod(grid.tile) <= limit:  # even if it exceeds the budget
                return grid
            most = limit
        elif self.is_whole(height, width, limit):
            most = height * width
        else:
            most = min(self.tile_pixels, limit)
        # A larger overlap would take up most of a tile that fits the memory.
        overlap = min(self.overlap, max(8, int(most**0.5) // 4))
        return plan(height, width, int(most), overlap, self.multiple)

    def is_whole(self, height: int, width: int, limit: float = math.inf) -> bool:
        """Whether a picture of this size is restored whole, because the budget suffices.

        Args:
            height, width, limit: see :meth:`grid`.
        """
        most = min(self.pixels(self.budget), self.pixel_limit, limit)
        return self.tile is None and height * width <= most

    def batch(self, grid: Grid) -> int:
        """How many tiles of a grid go through the network in one call.

        It is as many as memory and pixel limit allow, in calls of about equal size.
        """
        if not self.batches:
            return 1
        most = min(self.pixels(self.budget), self.pixel_limit) // math.prod(grid.tile)
        calls = math.ceil(grid.count / max(1, int(most)))
        return math.ceil(grid.count / calls)

    @property
    def tile_pixels(self) -> float:
        """Pixels of the largest tile.

        Tiles leave some memory for the network that measures statistics, so that it need not be
        loaded again for the next picture.
        """
        return self.pixels(_TILE_SHARE * self.budget)

    def pixels(self, memory: float) -> float:
        """How many pixels the network can process at once in ``memory`` bytes."""
        return memory / self.bytes_per_pixel / self.networks

    def needed(self, grid: Grid) -> float:
        """Working memory in bytes for one tile of the grid."""
        return self.bytes_per_pixel * self.networks * math.prod(grid.tile)


def planner_for(
    model: Model, backend: Backend, options: InferenceOptions, device: Device
) -> Planner:
    """The planner for a network on a device.

    Args:
        model: the network.
        backend: runs the network on the device.
        options: ``memory``, ``tile``, ``overlap`` and ``ensemble`` are used.
        device: the CPU or a GPU.
    """
    on_gpu = device.kind == "gpu"
    from_card = on_gpu and options.memory is None
    # A pixel's local window reaches half its side in each direction, so tiles overlap by that.
    wanted = model.spec.window // 2 if model.local else _OVERLAP
    return Planner(
        bytes_per_pixel=backend.bytes_per_pixel,
        budget=gpu_budget(device.total_memory) if from_card else options.memory_bytes,
        tile=options.tile,
        overlap=options.overlap or min(wanted, options.largest_overlap),
        multiple=model.spec.size_multiple,
        # For an ensemble, the backend keeps two: for upright and for transposed tiles.
        networks=2 if options.ensemble else 1,
        pixel_limit=backend.pixel_limit,
        batches=on_gpu,
    )


def needed_on_cpu(planner: Planner, backend: Backend, grid: Grid) -> float:
    """Working memory in bytes for the tiles of a grid, or for a whole picture, on a CPU."""
    needed = planner.needed(grid)
    return needed if grid.count > 1 else max(needed, backend.whole_bytes(math.prod(grid.tile)))
