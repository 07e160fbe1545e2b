"""A line for the user while a network is prepared, which happens once and takes seconds."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

logger = logging.getLogger(__name__)

#: Seconds of silence that need no explanation.
PATIENCE = 1.0


class Preparation:
    """Announces the export and compilation of a network, as logging at the level INFO.

    Preparation that ends within :data:`PATIENCE` is not announced. A network is announced once,
    although it may be compiled for several sizes of picture.

    Args:
        title: of the network.
    """

    def __init__(self, title: str):
        self._title = title
        self._lock = threading.Lock()
        self._announced = False

    @contextlib.contextmanager
    def announced(self) -> Iterator[None]:
        """Announce the preparation in its block if that takes long; blocks may be nested."""
        if PATIENCE <= 0:
            self._announce()
            yield
            return
        timer = threading.Timer(PATIENCE, self._announce)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _announce(self) -> None:
        with self._lock:
            if self._announced:
                return
            self._announced = True
        logger.info("preparing %s for this computer, once: usually 5 to 20 seconds", self._title)
