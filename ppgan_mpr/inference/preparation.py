"""Logs a line while a network is exported or compiled, as that takes seconds."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_preparing = 0  # networks that are being exported or compiled

logger = logging.getLogger(__name__)

#: Seconds of preparation before a line is logged.
PATIENCE = 1.0


def preparing() -> bool:
    """Whether a network is being exported or compiled in this process."""
    return _preparing > 0


class Preparation:
    """Announces the export and compilation of a network in the log, at level INFO.

    A network is exported once per computer, and compiled once for small pictures and once for each
    larger size. Only the first of these steps that takes longer than :data:`PATIENCE` is announced,
    so that a folder of many sizes gives one line.

    Args:
        title: title of the network.
        silent: announce nothing.
    """

    def __init__(self, title: str, silent: bool = False):
        self._title = title
        self._lock = threading.Lock()
        self._announced = silent

    @contextlib.contextmanager
    def announced(self, exported: bool = False) -> Iterator[None]:
        """Announce the preparation in the ``with`` block if it takes long.

        Args:
            exported: whether the network is exported already and only compiled.
        """
        if PATIENCE <= 0:
            self._announce(exported)
            with _counted():
                yield
            return
        timer = threading.Timer(PATIENCE, self._announce, [exported])
        timer.daemon = True
        timer.start()
        try:
            with _counted():
                yield
        finally:
            timer.cancel()

    def _announce(self, exported: bool) -> None:
        with self._lock:
            if self._announced:
                return
            self._announced = True
        if exported:
            purpose = "pictures of a new size, once for each size: usually 1 to 10 seconds"
        else:
            purpose = "this computer, once: usually 2 to 20 seconds"
        logger.info("preparing %s for %s", self._title, purpose)


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    global _preparing
    with _lock:
        _preparing += 1
    try:
        yield
    finally:
        with _lock:
            _preparing -= 1
