"""How much memory this process can still allocate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available(root: Path = _CGROUP_ROOT, membership: Path = _MEMBERSHIP) -> int:
    """Bytes that this process can still allocate.

    Limits of a container and of the process itself (``ulimit -v``) count.

    Args:
        root: folder where the control groups are mounted.
        membership: file that lists the process's control groups.
    """
    free = [psutil.virtual_memory().available, *_cgroups(root, membership), *_address_space()]
    return max(0, min(free))


def _address_space() -> Iterator[int]:
    """Bytes left of the process's address space, if that is limited."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        yield limit - psutil.Process().memory_info().vms


def _cgroups(mounted: Path, membership: Path) -> Iterator[int]:
    """Bytes left in each control group of the process (versions 2 and 1).

    psutil does not know the limits of containers. Control groups count cached files as used
    memory, but the kernel frees these on demand.
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
        # In a container, the path may be the host's although the root is the container's.
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            left = (_left(folder, limit, usage, cached) for limit in limits)
            yield from (amount for amount in left if amount is not None)
            if folder == root:
                break


def _left(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    """Bytes left in one control group, or None if it has no limit."""
    try:
        maximum = int((folder / limit).read_text())
        used = int((folder / usage).read_text())
        statistics = dict(re.findall(r"(\w+) (\d+)", (folder / "memory.stat").read_text()))
        return max(0, maximum - used + int(statistics.get(cached, 0)))
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
