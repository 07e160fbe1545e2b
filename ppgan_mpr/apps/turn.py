"""The context of one picture in a run: the request to stop, and its memory."""

from __future__ import annotations

from dataclasses import dataclass

from ..imaging.memory_budget import Share
from .batch import Stop


@dataclass(frozen=True)
class Turn:
    """One picture's turn in a run.

    Attributes:
        stop: the request to stop the run.
        memory: the picture's share of the free memory.
    """

    stop: Stop
    memory: Share

    def check(self) -> None:
        """Raise StoppedError if the run is to stop."""
        self.stop.check()
