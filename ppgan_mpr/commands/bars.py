"""Progress bar over pictures for a terminal; importing this module loads tqdm."""

from __future__ import annotations

import os
import sys
from typing import Any

from tqdm import tqdm

from .estimate import duration


class PhotoBar(tqdm):
    """A progress bar over pictures that shows pictures per minute and the time left in words.

    Args:
        count: number of pictures; None if it is not known yet.

    Attributes:
        seconds_left: the caller's estimate of the time left. While it is None, the bar estimates
            from the number of pictures.
    """

    def __init__(self, count: int | None):
        self.seconds_left: float | None = None
        super().__init__(
            total=count,
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{figures}{postfix}]",
            disable=not sys.stderr.isatty(),
            **terminal_size(),
        )

    @property
    def format_dict(self) -> dict[str, Any]:
        """The values that the bar's format can show."""
        shown = super().format_dict
        done, total, elapsed = shown["n"], shown["total"], shown["elapsed"]
        rate = shown["rate"] or (done / elapsed if elapsed else None)
        left, figures = self.seconds_left, ""
        if done and rate:
            figures = f", {60 * rate:.1f} pictures/min"
            if left is None and total:
                left = (total - done) / rate
        if left and total and done < total:
            figures += f", about {duration(left)} left"
        return {**shown, "figures": figures}


def terminal_size() -> dict[str, int]:
    """tqdm's options for a terminal that reports no size, where tqdm would hide its bars."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return {}
    if size.columns and size.lines:
        return {}
    return {"ncols": size.columns or 80, "nrows": size.lines or 24}
