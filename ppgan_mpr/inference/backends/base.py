"""The interface of all backends."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

#: A tensor with more numbers than this overflows the 32-bit indices of many GPU kernels.
INT32_ELEMENTS = (1 << 31) - 1


@runtime_checkable
class Backend(Protocol):
    """Runs a network on a batch of pictures of equal size.

    The input is [N, C, H, W] float32 with values in [0, 1], and H and W are multiples of the
    network's ``size_multiple``. The output is [N, 3, H, W], not clipped, or [N, 3 * stages, H, W]
    for a model with all stages.

    Attributes:
        name: one of :data:`ppgan_mpr.inference.options.BACKENDS`.
        device: ``cpu`` or ``gpu:N``.
        precision: number format of the computation: ``f32``, ``tf32``, ``bf16`` or ``f16``.
        threads: number of CPU threads.
        bytes_per_pixel: approximate working memory for each pixel of a picture.
        pixel_limit: maximum number of pixels in one call, N * H * W; infinite on a CPU.
        keep_budget: maximum working memory in bytes of all networks that are kept for later
            pictures; set by the caller.
    """

    name: str
    device: str
    precision: str
    threads: int
    bytes_per_pixel: float
    pixel_limit: float
    keep_budget: float

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """Restore pictures with the given statistics, or by default with their own.

        The next call may overwrite the result.

        Args:
            picture: [N, C, H, W].
            statistics: those that :meth:`measure` returns for one picture; for several, see
                :func:`~ppgan_mpr.inference.shared_statistics.join_batch`.

        Raises:
            MemoryError: the batch is too large.
        """
        ...

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """Measure the statistics that tiles share, on one picture [1, C, H, W].

        Returns:
            A list of [N, C, ...] with N = 1, 2 (halves) or 4 (quadrants) and one number per
            channel; empty for a network without such statistics.

        Raises:
            MemoryError: the picture is too large.
        """
        ...

    def load_ahead(self, height: int, width: int, given: bool) -> bool:
        """Start loading the network that the next call of :meth:`run` needs.

        It returns at once, and may do nothing.

        Args:
            height, width: size of the one picture or tile in that call.
            given: whether that call has statistics.

        Returns:
            Whether such a network is being loaded.
        """
        ...

    @property
    def found_ahead(self) -> bool:
        """Whether :meth:`load_ahead` has found the network in the cache.

        It may be loading still, and even fail.
        """
        ...

    @property
    def has_loaded_ahead(self) -> bool:
        """Whether :meth:`load_ahead` has loaded a network; waits while it is being loaded."""
        ...

    def forget(self) -> None:
        """Free the network that :meth:`load_ahead` loads, if it has not been used."""
        ...

    def whole_bytes(self, pixels: int) -> float:
        """Working memory in bytes for a whole picture of ``pixels``, without given statistics.

        It may be more than for a tile with as many pixels.
        """
        ...

    @property
    def kept_bytes(self) -> float:
        """Working memory in bytes of the networks that are kept for later pictures."""
        ...

    def release(self) -> None:
        """Free the memory of the networks that are kept for later pictures.

        A network that is computing in another thread is freed when that call has ended.
        """
        ...
