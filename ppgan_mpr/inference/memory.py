"""Working memory of networks: the default budget, and what to do where less is free."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..errors import UsageError

#: Default working memory of a network in bytes. It is the same on all machines, so that they
#: cut a picture into the same tiles. Measured: larger tiles are slower, because their feature
#: maps no longer fit the processor's caches.
DEFAULT_BUDGET = 600 << 20
# Fraction of the free memory up to which it is used as planned, and the fraction that is used
# where that is too little. The rest is for the picture, its file and other programs.
_USABLE, _CAUTIOUS = 0.8, 0.5
_UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_CGROUP_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def parse_memory(text: str | int | float) -> int:
    """Parse an amount of memory, such as ``1500`` (megabytes), ``800M`` or ``1.5G``, to bytes.

    Raises:
        UsageError: the text is not a positive amount of memory.
    """
    match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*([KMGT]?)I?B?\s*", str(text).upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size <= 0:
        raise UsageError(f"memory={text!r}: give megabytes, or a size such as 800M or 1.5G.")
    return size


def instead_of(needed: float, in_use: float = 0) -> int | None:
    """The working memory in bytes to use where ``needed`` is not free; None where it is.

    Args:
        needed: bytes that the network needs.
        in_use: bytes that it already occupies, which count as free.
    """
    free = available() + in_use
    return None if needed <= _USABLE * free else int(_CAUTIOUS * free)


def available(root: Path = _CGROUP_ROOT, membership: Path = _MEMBERSHIP) -> int:
    """Bytes that this process can still allocate; respects the limits of a container.

    Args:
        root: folder where the control groups are mounted.
        membership: file that names the process's control groups.
    """
    return min([psutil.virtual_memory().available, *_cgroups(root, membership)])


def _cgroups(mounted: Path, membership: Path) -> Iterator[int]:
    """Bytes that are left in each control group of the process (versions 2 and 1).

    Needed because psutil does not know the limits of containers. Control groups count cached
    files as used memory, but the kernel frees it on demand.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, usage, cached = mounted, "memory.current", "inactive_file"
            limits: tuple[str, ...] = "memory.max", "memory.high"
        elif "memory" in controllers.split(","):
            root, usage = mounted / "memory", "memory.usage_in_bytes"
            cached, limits = "total_inactive_file", ("memory.limit_in_bytes",)
        else:
            continue
        # Inside a container, the path may be the host's while the root is the container's.
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            left = (_left(folder, limit, usage, cached) for limit in limits)
            yield from (amount for amount in left if amount is not None)
            if folder == root:
                break


def _left(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    """Bytes that are left in one control group, or None if it has no limit."""
    try:
        maximum = int((folder / limit).read_text())
        used = int((folder / usage).read_text())
        statistics = dict(re.findall(r"(\w+) (\d+)", (folder / "memory.stat").read_text()))
        return max(0, maximum - used + int(statistics.get(cached, 0)))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
