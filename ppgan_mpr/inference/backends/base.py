"""What every backend offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Backend(Protocol):
    """Something that runs a network on one picture at a time.

    A picture is [1, C, H, W] float32 with values in [0, 1], H and W multiples of the network's
    ``size_multiple``; the restored one is [1, 3, H, W], not clipped.

    Attributes:
        name: one of :data:`ppgan_mpr.inference.backends.BACKENDS`.
        device: ``cpu`` or ``gpu:N``.
        precision: ``f32``, ``bf16`` or ``f16``: what it computes in.
        threads: CPU threads in use.
        bytes_per_pixel: working memory for each pixel of a picture, about.
        keep_budget: working memory in bytes that networks kept for later pictures may take
            together; set by the caller.
    """

    name: str
    device: str
    precision: str
    threads: int
    bytes_per_pixel: float
    keep_budget: float

    def run(self, picture: np.ndarray, statistics: list[np.ndarray] | None = None) -> np.ndarray:
        """Restore a picture with the given statistics, or with its own.

        The result may be valid until the next call only.

        Raises:
            MemoryError: the picture is too large.
        """
        ...

    def measure(self, picture: np.ndarray) -> list[np.ndarray]:
        """The statistics that tiles share.

        Returns:
            A list of [N, C, ...] with N = 1, 2 (halves) or 4 (quadrants) and one number for
            each channel; empty for a network without.

        Raises:
            MemoryError: the picture is too large.
        """
        ...

    @property
    def kept_bytes(self) -> float:
        """Working memory in bytes of the networks kept at present."""
        ...

    def release(self) -> None:
        """Give back the memory of what is kept for later pictures."""
        ...
