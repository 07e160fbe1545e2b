"""Progress bars of a restoration, on a terminal only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


def photo_bar(count: int) -> tqdm:
    """A bar over the pictures, with their rate and the time left."""
    from tqdm import tqdm

    return tqdm(total=count, unit="photo", disable=not sys.stderr.isatty())


class TileBar:
    """A bar over the tiles of the picture that is being restored; one of a single tile has none."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show progress.

        Args:
            name: of the picture.
            done: number of finished tiles.
            total: number of all tiles.
        """
        if total == 1 or not sys.stderr.isatty():
            return
        if self._bar is None:
            from tqdm import tqdm

            # Tiles are few and slow: each is shown.
            self._bar = tqdm(
                total=total, unit="tile", leave=False, position=1, mininterval=0,
                file=sys.stderr,
            )  # fmt: skip
        self._bar.total = total
        self._bar.set_description(Path(name).name, refresh=False)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()
            self._bar = None
