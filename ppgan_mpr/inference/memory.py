"""Working memory of networks: the default budget, and a smaller one if memory is short."""

from __future__ import annotations

import re

from ..errors import UsageError
from ..free_memory import available

#: Default working memory of a network on a CPU, in bytes. It is the same on all machines, so that
#: they cut a picture into the same tiles. In measurements, larger tiles were slower, because their
#: feature maps no longer fit the processor's caches.
DEFAULT_BUDGET = 600 << 20
# Fractions of a GPU's total memory: the budget that tiles are planned for, and the maximum. The
# rest is for CUDA, the weights and the libraries' workspaces.
_GPU_PLANNED, _GPU_LIMIT = 0.6, 0.9
# The plan is kept if it needs at most the first fraction of the free memory. Otherwise the second
# fraction is used. The rest is for the picture, its file and other programs.
_USABLE, _CAUTIOUS = 0.8, 0.5
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


def gpu_budget(total: int, limit: bool = False) -> int:
    """Working memory in bytes of a network on a GPU.

    It follows from the card's total memory, so that all cards of the same type cut a picture into
    the same tiles.

    Args:
        total: memory of the card in bytes.
        limit: return the maximum instead of the budget that tiles are planned for.
    """
    return int((_GPU_LIMIT if limit else _GPU_PLANNED) * total)


def reduced_budget(needed: float, in_use: float = 0) -> int | None:
    """The working memory in bytes to use if too little is free for ``needed``; otherwise None.

    Args:
        needed: bytes that the network needs.
        in_use: bytes that it already occupies, which count as free.
    """
    free = available() + in_use
    return None if free >= required_free(needed) else int(_CAUTIOUS * free)


def required_free(needed: float) -> float:
    """The bytes that must be free for a network that needs ``needed`` bytes."""
    return needed / _USABLE
