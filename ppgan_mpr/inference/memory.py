"""The share of the available memory that a network may use."""

from __future__ import annotations

import re

from ..errors import UsageError
from ..free_memory import available

# Fraction of the available memory, and a maximum in bytes: measured, larger tiles are slower,
# because their feature maps no longer fit the processor's caches.
_FRACTION, _MAXIMUM = 0.5, 600 << 20
_UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_memory(text: str | int | float, option: str = "memory") -> int:
    """Parse an amount of memory, such as ``1500`` (megabytes), ``800M`` or ``1.5G``, to bytes.

    Raises:
        UsageError: the text is not a positive amount of memory.
    """
    match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*([KMGT]?)I?B?\s*", str(text).upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size <= 0:
        raise UsageError(f"{option}={text!r}: give megabytes, or a size such as 800M or 1.5G.")
    return size


def default_budget(in_use: float = 0) -> int:
    """Default working memory of a network in bytes: half of what is free, 600 MB at most.

    Args:
        in_use: bytes that the network already occupies, which count as free.
    """
    return min(int(_FRACTION * (available() + in_use)), _MAXIMUM)
