"""How much memory there is, and how much of it a network needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..errors import UsageError

# More makes tiles slower, measured: their maps leave the processor's caches.
_SHARE, _MOST = 0.5, 600 << 20
_UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_CGROUP_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def parse_memory(text: str | int | float) -> int:
    """Bytes from ``1500`` (megabytes), ``800M`` or ``1.5G``.

    Raises:
        UsageError: anything else, or nothing.
    """
    match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*([KMGT]?)I?B?\s*", str(text).upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size <= 0:
        raise UsageError(f"memory is {text!r}: give megabytes, or a size such as 800M or 1.5G.")
    return size


def default_budget(kept: float = 0) -> int:
    """Bytes that a network may work in: half of what is free, and never more than is useful.

    Args:
        kept: bytes that the network itself works in already.
    """
    return min(int(_SHARE * (available() + kept)), _MOST)


def available(root: Path = _CGROUP_ROOT, membership: Path = _MEMBERSHIP) -> int:
    """Bytes that this process can still take, inside a container too.

    Args:
        root: where the control groups are mounted.
        membership: file that says to which of them the process belongs.
    """
    return min([psutil.virtual_memory().available, *_cgroups(root, membership)])


def _cgroups(mounted: Path, membership: Path) -> Iterator[int]:
    """Bytes that each enclosing control group leaves, in version 2 and in version 1.

    psutil knows the machine alone, not the limits of a container.

    Memory of cached files counts as used there, but the kernel gives it back on demand.
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
        # Inside a container the path may be the host's, and the root the container's own.
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            left = (_left(folder, limit, usage, cached) for limit in limits)
            yield from (amount for amount in left if amount is not None)
            if folder == root:
                break


def _left(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    try:
        most = int((folder / limit).read_text())
        used = int((folder / usage).read_text())
        statistics = dict(re.findall(r"(\w+) (\d+)", (folder / "memory.stat").read_text()))
        return max(0, most - used + int(statistics.get(cached, 0)))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
