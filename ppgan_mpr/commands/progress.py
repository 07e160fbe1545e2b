"""Progress of a restoration: bars on a terminal, elsewhere one line if it takes long."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .estimate import TimeLeft, duration

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..apps.result import Result
    from ..apps.sources import Source
    from .bars import PhotoBar

LONG = 60.0  # seconds left above which a line is logged

logger = logging.getLogger(__name__)


def photo_bar(count: int | None) -> PhotoBar:
    """A progress bar over the pictures, with their rate and the time left.

    Args:
        count: number of pictures; None if it is not known yet.
    """
    from .bars import PhotoBar

    return PhotoBar(count)


class TileBar:
    """A progress bar over the tiles of the current picture, if it has more than one.

    The rate shown is the mean since the bar appeared.
    """

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show progress.

        Args:
            name: name of the picture.
            done: number of finished tiles; 0 before the first one, and again if the picture is
                restarted with smaller tiles.
            total: number of all tiles.
        """
        if total == 1 or not sys.stderr.isatty():
            return
        if self._bar is not None and not done:  # restarted with smaller tiles
            self._bar.close()
            self._bar = None
        if self._bar is None:
            from tqdm import tqdm

            from .bars import terminal_size

            # Tiles are few and slow, so each one is shown. The tiles of a batch finish at the same
            # time, so only the mean rate is meaningful.
            self._bar = tqdm(
                desc=Path(name).name, total=total, unit="tile", leave=False, position=1,
                mininterval=0, smoothing=0, file=sys.stderr, **terminal_size(),
            )  # fmt: skip
        self._bar.set_description(Path(name).name, refresh=False)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()
            self._bar = None


class Progress:
    """Shows the finished tiles of the current picture, and the time left of the run.

    Args:
        sources: the pictures; larger files are expected to take longer.
        bar: the progress bar over the pictures.
        steps: number of networks that each picture passes through.
        clock: returns seconds.

    Attributes:
        when_computed: called in another thread when the last tile of a picture is finished, so
            that it runs while the picture is being written.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        bar: PhotoBar,
        steps: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bar, self._tiles = bar, TileBar()
        self._left = TimeLeft({source.name: _weight(source) for source in sources}, steps, clock)
        self._count = len(sources)
        self._estimates, self._said = 0, False
        self.when_computed: Callable[[], object] | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """Note and show the finished tiles of a picture; see :class:`TileBar`."""
        self._tiles(name, done, total)
        if self.when_computed and done == total:
            with contextlib.suppress(RuntimeError):  # no more threads
                threading.Thread(target=self.when_computed, daemon=True).start()
        seconds = self._left.note(name, done, total)
        if seconds is None:
            return
        self._estimates += 1
        if not self._bar.disable:
            self._bar.seconds_left = seconds
            self._bar.set_postfix_str(_memory_in_use())
        elif seconds > LONG and self._estimates > 1 and not self._said:
            # The first estimate is not logged: its time may include compiling the network.
            self._said = True
            what = f" for {self._count} pictures" if self._count > 1 else ""
            logger.info(
                "about %s left%s, %s of memory in use", duration(seconds), what, _memory_in_use()
            )

    def watch(self, results: Iterable[Result]) -> Iterator[Result]:
        """Pass results on; pictures that needed no tiles no longer count in the time left."""
        for result in results:
            if not result.record.tiles:
                self._left.leave_out(result.source)
            yield result


def _weight(source: Source) -> float:
    try:
        return os.stat(source.path).st_size if source.path else 1
    except OSError:  # reading the picture will raise the error
        return 0


def _memory_in_use() -> str:
    import psutil

    from ..imaging.limits import in_words

    return in_words(psutil.Process().memory_info().rss)
