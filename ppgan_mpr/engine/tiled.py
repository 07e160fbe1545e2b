"""Restoration of large validation pictures in tiles, in the way that files are restored."""

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

_LARGE = 4096  # pixels: the side of a picture that fits no small budget


class TiledRestoration:
    """Restores the pictures of a validation set within a budget of memory.

    A picture that fits goes through the network whole. A larger one is cut into tiles that share
    the network's statistics, overlap and blend: its score may differ a little from that of the
    whole picture, and the log says how many pictures this concerns.

    Args:
        network: that is trained, as it is at the time of each call.
        memory: working memory of the network, such as ``8G``.
        precision: ``f32``, or ``bf16`` or ``f16`` for mixed precision on a GPU.
        local: whether the network's statistics are those of TLC, which tiles do not share.

    Raises:
        UsageError: the network is none of this package, or the amount is no amount or does not
            hold the smallest tile.
    """

    def __init__(
        self, network: paddle.nn.Layer, memory: str, precision: str = "f32", local: bool = False
    ) -> None:
        spec = spec_of(network)
        if spec is None:
            raise UsageError(
                "validate.memory is for networks of ppgan_mpr, whose statistics tiles can share: "
                "leave it out."
            )
        self._options = InferenceOptions(
            backend="paddle", device=paddle.get_device(), precision=precision, memory=memory
        )
        # Nothing is exported, so nothing is cached under this identity.
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
        """Refuse an amount that does not even hold the smallest tile of a large picture."""
        restorer = Restorer(self._model, self._options, memory="1K")
        tile = restorer.plan(_LARGE, _LARGE).tile
        needed = restorer.backend.bytes_per_pixel * math.prod(tile)
        if needed > self._options.memory_bytes:
            raise UsageError(
                f"validate.memory is {memory!r}, but the smallest tile of this network takes "
                f"{math.ceil(needed / (1 << 20))}M: give more."
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
