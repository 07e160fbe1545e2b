"""How fast a network computes on this machine, remembered between runs."""

from __future__ import annotations

import platform
import threading
from collections.abc import Sequence

from ..dependencies import cpu_count
from ..inference import Cache

_KIND = "pace 1"  # of cache entries, with its version
_ENOUGH = 1.0  # seconds of computing below which a run says little


class Pace:
    """Pixels of tiles that a network computes in a second.

    The first tile does not count, as the network is loaded and compiled for it.

    Args:
        cache: remembers the pace.
        *key: the weights, and everything else but the pictures that decides how fast they are. The
            machine is added, because several may share a cache folder.
    """

    def __init__(self, cache: Cache, *key: object):
        self._cache = cache
        self._key = _KIND, platform.node(), platform.machine(), cpu_count(), *key
        self._lock = threading.Lock()
        self._begun = False
        self._pixels, self._seconds = 0, 0.0

    def note(self, pixels: int, moments: Sequence[float]) -> None:
        """Note what one picture has taken.

        Args:
            pixels: of a tile.
            moments: seconds of a clock when the computation began, and when each tile was finished.
        """
        with self._lock:
            counted = moments[0 if self._begun else 1 :]
            self._begun = True
            if len(counted) > 1:
                self._pixels += pixels * (len(counted) - 1)
                self._seconds += counted[-1] - counted[0]

    def save(self) -> None:
        """Remember the pace of the pictures noted so far."""
        if self._seconds >= _ENOUGH:
            pace = self._pixels / self._seconds
            self._cache.store_facts({"pixels_per_second": pace}, *self._key)

    def remembered(self) -> float | None:
        """Pixels of tiles per second in the last run that said enough; None if there is none."""
        found = (self._cache.load_facts(*self._key) or {}).get("pixels_per_second")
        return found if isinstance(found, float) and found > 0 else None
