"""Plans: what a run would do with each picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

#: The error of a predictor that was made for a dry run and is asked to restore.
DRY_RUN = "dry_run=True makes a predictor for plan() alone: leave it out."


@dataclass(frozen=True)
class PlanRecord:
    """What a run would do with one picture; plain values that JSON can hold.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file to be written, or the one already there, as far as the header shows: a
            picture with transparency or a colour profile may need another format. None where no
            file is written.
        size: width and height of the result in pixels; None if they are not known.
        network: name of the network.
        task: name of the task; empty where it depends on the picture.
        weights: catalogue name or file of the weights.
        backend, precision, device: what would compute, and in which number format.
        tiles: number of tiles; 0 if the number is not known or nothing is computed.
        tile: width and height of the tiles in pixels, or None.
        seconds: computing time, estimated from earlier runs on this machine; None without such
            runs.
        memory: most bytes that the program takes meanwhile; None if the size of the picture is
            not known.
        skipped: whether an output is there already and would be left alone.
        error: why the restoration would fail, or None.
        warnings: what the user should know about the picture.
    """

    source: str
    output: str | None = None
    size: tuple[int, int] | None = None
    network: str = ""
    task: str = ""
    weights: str = ""
    backend: str = ""
    precision: str = ""
    device: str = ""
    tiles: int = 0
    tile: tuple[int, int] | None = None
    seconds: float | None = None
    memory: int | None = None
    skipped: bool = False
    error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def to_do(self) -> bool:
        """Whether the picture would be restored."""
        return self.error is None and not self.skipped

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON's types."""
        return asdict(self)


class Plan(list[PlanRecord]):
    """What a run would do: a record for each distinct picture, in order.

    Args:
        records: of the pictures.
        download: size in bytes of the weights that would be downloaded first; 0 if it is not
            known; None if nothing would be downloaded.

    Attributes:
        download: as given.
    """

    def __init__(self, records: Iterable[PlanRecord] = (), download: int | None = None):
        super().__init__(records)
        self.download = download

    @property
    def seconds(self) -> float | None:
        """Estimate for all pictures, without start and download; None if there is none."""
        found = [record.seconds for record in self if record.to_do]
        known = [seconds for seconds in found if seconds is not None]
        return sum(known) if len(known) == len(found) else None

    @property
    def memory(self) -> int | None:
        """Most bytes that one picture takes. Others join it only if their memory is free."""
        return max(
            (record.memory for record in self if record.memory and record.to_do), default=None
        )
