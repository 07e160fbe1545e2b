"""The speed of a network on this machine, remembered between runs."""

from __future__ import annotations

import platform
import threading
from collections.abc import Sequence

from ..dependencies import cpu_count
from ..inference import Cache

_KIND = "pace 1"  # of cache entries, with its version
_ENOUGH = 1.0  # seconds; the pace of a shorter run is not reliable


class Pace:
    """Pixels of tiles that a network computes per second.

    The first tile does not count, because the network is loaded and compiled for it.

    Args:
        cache: stores the pace.
        *key: the weights and everything else that affects their speed, except the pictures. The
            machine is added, because several machines may share a cache folder.
    """

    def __init__(self, cache: Cache, *key: object):
        self._cache = cache
        self._key = _KIND, platform.node(), platform.machine(), cpu_count(), *key
        self._lock = threading.Lock()
        self._begun = False
        self._pixels, self._seconds = 0, 0.0

    def note(self, pixels: int, moments: Sequence[float]) -> None:
        """Note the time that one picture has taken.

        Args:
            pixels: number of pixels of a tile.
            moments: clock in seconds when the computation began, and after each tile.
        """
        with self._lock:
            counted = moments[0 if self._begun else 1 :]
            self._begun = True
            if len(counted) > 1:
                self._pixels += pixels * (len(counted) - 1)
                self._seconds += counted[-1] - counted[0]

    def save(self) -> None:
        """Store the pace of the pictures noted so far."""
        if self._seconds >= _ENOUGH:
            pace = self._pixels / self._seconds
            self._cache.store_facts({"pixels_per_second": pace}, *self._key)

    def remembered(self) -> float | None:
        """Pixels of tiles per second in the last run that was long enough; None if unknown."""
        found = (self._cache.load_facts(*self._key) or {}).get("pixels_per_second")
        return found if isinstance(found, float) and found > 0 else None
