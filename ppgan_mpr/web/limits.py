"""The limits of a server."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_whole_number


@dataclass(frozen=True)
class Limits:
    """Limits of a server, in whole numbers.

    Attributes:
        upload: bytes of one request with all its files.
        pixels: pixels of one picture before it is enlarged.
        queue: number of waiting pictures.
        kept: number of finished pictures kept for download; the oldest are removed first.
        seconds: time for which a finished picture is kept.

    Raises:
        UsageError: a limit is not a positive whole number.
    """

    upload: int = 256 << 20
    pixels: int = 100_000_000
    queue: int = 32
    kept: int = 100
    seconds: int = 3600

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_whole_number(name, value, 1, 1 << 40)
