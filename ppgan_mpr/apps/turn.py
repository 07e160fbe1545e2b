"""What the restoration of one picture shares with the others of its run."""

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
        """Go on, or raise StoppedError."""
        self.stop.check()
