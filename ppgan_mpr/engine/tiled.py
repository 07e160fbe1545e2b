"""Restoration of large validation pictures in tiles, like the restoration of files."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import paddle

from ..cache_dir import cache_dir
from ..errors import UsageError
from ..inference import Cache, InferenceOptions, Model, Restorer
from ..networks import spec_of

logger = logging.getLogger(__name__)

# Side in pixels of an imaginary picture, planned in tiles to find the size of the smallest tile.
_LARGE = 4096


class TiledRestoration:
    """Restores the pictures of a validation set within a memory limit.

    A picture that fits passes through the network whole. A larger one is cut into overlapping
    tiles, which are blended. Averages over the whole picture, such as those of channel attention,
    are measured once and used for all its tiles. The score may differ a little from that of the
    whole picture; the log states the number of such pictures.

    Args:
        network: the network in training; each call uses its current weights.
        memory: working memory of the network, such as ``8G``.
        precision: ``f32``, or ``bf16`` or ``f16`` for mixed precision on a GPU.
        local: whether the network uses the test-time local converter (TLC), which averages over
            windows instead of the whole picture. Tiles do not share these averages: each tile
            computes its own.

    Raises:
        UsageError: the network is not part of this package, or ``memory`` is invalid or too small
            for the smallest tile.
    """

    def __init__(
        self, network: paddle.nn.Layer, memory: str, precision: str = "f32", local: bool = False
    ) -> None:
        spec = spec_of(network)
        if spec is None:
            raise UsageError(
                "validate.memory works only with the networks of ppgan_mpr: leave it out."
            )
        self._options = InferenceOptions(
            backend="paddle", device=paddle.get_device(), precision=precision, memory=memory
        )
        # The paddle backend exports nothing, so nothing is cached under the identity "training".
        self._model = Model(
            "training", spec, lambda: network, Cache(cache_dir() / "networks"), local=local
        )
        self._restorers: dict[str, Restorer] = {}
        #: Names of the pictures that were restored in tiles.
        self.tiled: list[str] = []
        self._check_memory(memory)

    def __call__(
        self, batch: tuple[Any, ...], padding: str
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """Restore a batch; see :data:`ppgan_mpr.engine.evaluation.Restore`."""
        target, degraded, names = batch
        if padding not in self._restorers:
            self._restorers[padding] = Restorer(self._model, self._options, padding=padding)
        restored = []
        for picture, name in zip(degraded.transpose([0, 2, 3, 1]).numpy(), names):
            result = self._restored(self._restorers[padding], picture, name)
            restored.append(result.transpose(2, 0, 1).clip(0, 1))
        return degraded[:, :3], paddle.to_tensor(np.stack(restored)), target

    def report(self) -> None:
        """Log how many pictures were restored in tiles since the last report."""
        if self.tiled:
            logger.info(
                "%d pictures did not fit validate.memory and were restored in tiles, which "
                "changes scores a little: %s%s",
                len(self.tiled),
                ", ".join(self.tiled[:3]),
                ", …" if len(self.tiled) > 3 else "",
            )
        self.tiled = []

    def _check_memory(self, memory: str) -> None:
        """Refuse an amount that is too small for the smallest tile of a large picture."""
        restorer = Restorer(self._model, self._options, memory="1K")
        tile = restorer.plan(_LARGE, _LARGE).tile
        needed = restorer.backend.bytes_per_pixel * math.prod(tile)
        if needed > self._options.memory_bytes:
            raise UsageError(
                f"validate.memory is {memory!r}, but the smallest tile of this network needs "
                f"{math.ceil(needed / (1 << 20))}M: raise it."
            )

    def _restored(self, restorer: Restorer, picture: np.ndarray, name: str) -> np.ndarray:
        tiles = 1

        def count(done: int, total: int) -> None:
            nonlocal tiles
            tiles = total

        restored = restorer(picture, count)
        if tiles > 1 and name not in self.tiled:
            self.tiled.append(name)
        return restored
