"""Restores a picture of any size in bounded memory: whole if it fits, else in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checks import check_choice
from ..imaging.padding import PADDING_SIDES
from .backends import check_device, create_backend
from .devices import Device
from .ensemble import TRANSFORMS
from .memory import reduced_budget, required_free
from .model import Model
from .options import InferenceOptions
from .padding import Padding, padded
from .picture import Picture, Progress, TileUse
from .planning import TilePlan, needed_on_cpu, planner_for
from .shared_statistics import SceneStatistics
from .tiling import Crop


class Restorer:
    """Restores pictures of any size in bounded memory.

    A picture that fits the memory budget goes through the network whole. A larger one is cut into
    overlapping tiles, which share statistics such as the averages of channel attention (see
    :mod:`.shared_statistics`) and are blended (see :mod:`.tiling`). The tiles follow from the
    picture, the network and the options (see :mod:`.planning`). They are smaller only if the free
    memory is too small for one of them, or an allocation has failed.

    Args:
        model: the network.
        options: ``backend``, ``device``, ``precision``, ``threads``, ``memory``, ``tile``,
            ``overlap`` and ``ensemble`` are used; see :class:`.options.InferenceOptions`.
        on: one of the devices that the option ``device`` names; default: the first.
        padding: where pictures are padded to the network's multiple: at ``'both'`` sides, or only
            at the ``'end'`` (bottom and right), as for some published scores.
        **changes: options by name, which replace those in ``options``.

    Attributes:
        backend: runs the network.
        budget: working memory in bytes that tiles are planned for.

    Raises:
        UsageError: an option is invalid.
        MissingDependencyError: the backend is not installed.
    """

    def __init__(
        self,
        model: Model,
        options: InferenceOptions | None = None,
        *,
        on: Device | None = None,
        padding: str = "both",
        **changes: Any,
    ):
        check_choice("padding", padding, PADDING_SIDES)
        self._padding = padding
        options = (options or InferenceOptions()).replace(**changes)
        self._transforms = TRANSFORMS if options.ensemble else TRANSFORMS[:1]
        device = on or check_device(options)[0]
        self.backend = create_backend(model, options, device)
        self._planner = planner_for(model, self.backend, options, device)
        self.budget = self._planner.budget
        self._shares_statistics = not model.local
        # Size of the padded picture whose network is loaded ahead; its memory has been checked.
        self._ahead: tuple[int, int] | None = None

    @property
    def memory_to_take(self) -> float:
        """Bytes of main memory that must be free for the planned tiles; 0 with a GPU.

        Memory of networks that are already loaded is not included.
        """
        if self.backend.device != "cpu":
            return 0
        return required_free(self.budget) - self.backend.kept_bytes

    def plan(self, height: int, width: int) -> TilePlan:
        """The tiles of a picture of this size if enough memory is free."""
        grid = self._planner.grid(*self._padded(height, width))
        on_cpu = self.backend.device == "cpu"
        needed = needed_on_cpu(self._planner, self.backend, grid) if on_cpu else 0
        return TilePlan(grid.tile, grid.count, needed)

    def load_ahead(self, height: int, width: int) -> None:
        """Start loading the network for the next picture, and return at once.

        It does nothing if a network is loaded already, if the picture would be cut into tiles, if
        the option ``tile`` is given, or if memory is short.

        Args:
            height, width: size of the next picture; another size costs time, but is no error.
        """
        size = self._padded(height, width)
        planner, backend = self._planner, self.backend
        if self._ahead or backend.kept_bytes or not planner.is_whole(*size):
            return
        if reduced_budget(needed_on_cpu(planner, backend, planner.grid(*size))) is None:
            backend.keep_budget = planner.budget
            if backend.load_ahead(*size, given=False):
                self._ahead = size

    def forget(self) -> None:
        """Free a network that was loaded ahead and has not been used, as after an error."""
        self._ahead = None
        self.backend.forget()

    def release(self) -> None:
        """Free the memory of the networks that are kept for later pictures."""
        self._ahead = None
        self.backend.release()

    def _padded(self, height: int, width: int) -> tuple[int, int]:
        return padded(height, self._planner.multiple), padded(width, self._planner.multiple)

    def __call__(self, image: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """Restore a picture.

        Args:
            image: [H, W, C] float32 in [0, 1], any size from 1×1 up.
            progress: called with the numbers of finished tiles and of all tiles. With several
                tiles, it is also called before their statistics are measured, before the first
                tile, and again if smaller tiles are needed.

        Returns:
            [H, W, 3] float32, not clipped; [H, W, 3 * stages] for a model with all stages, the
            last stage first.
        """
        height, width = image.shape[:2]
        strips = self.strips(height, width, lambda rows, columns: image[rows, columns], progress)
        return np.concatenate([strip for _, strip in strips])

    def strips(
        self,
        height: int,
        width: int,
        crop: Crop,
        progress: Progress | None = None,
        used: TileUse | None = None,
        scene: SceneStatistics | None = None,
        step: int = 0,
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Restore a picture strip by strip, without holding all of it in memory.

        Args:
            height, width: size of the picture.
            crop: (rows, columns) → [h, w, C] float32 in [0, 1] of the picture.
            progress: see :meth:`__call__`.
            used: is filled in with the tiles that were used.
            scene: shares the statistics of its first picture; default: the picture has its own.
            step: index of this network among those that the scene goes through.

        Yields:
            Rows and their restored pixels [rows, W, C'] float32 as :meth:`__call__` returns them,
            from top to bottom.

        Raises:
            MemoryError: even the smallest tile does not fit.
        """
        padding = Padding(height, width, self._planner.multiple, self._padding)
        expected = self._ahead == (padding.height, padding.width)
        # Memory was checked before this network began to load. It is not checked again, because the
        # network already occupies some of the memory that was free then.
        fits = expected and self.backend.found_ahead
        if fits:
            self._ahead = None
        else:
            self.forget()
        picture = Picture(
            self.backend,
            self._planner,
            self._transforms,
            padding.height,
            padding.width,
            padding.crop(crop),
            progress,
            used or TileUse(),
            fits,
        )
        shared = scene if self._shares_statistics else None
        try:
            for rows, strip in picture.strips(self._shares_statistics, shared, step):
                yield from padding.cut(rows, strip)
        finally:
            self.forget()
