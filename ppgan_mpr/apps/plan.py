"""Plans: what a run would do with each picture or video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: The error of a predictor that was made for a dry run and is asked to restore.
DRY_RUN = "With dry_run=True, a predictor only plans: leave dry_run out, or call plan()."


@dataclass(frozen=True)
class PlanRecord:
    """What a run would do with one picture or video; plain values that JSON can hold.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file to be written, or the one already there, as far as the header shows: a
            picture with transparency or a colour profile may need another format. None where no
            file is written.
        size: width and height of the result in pixels; None if they are not known.
        network: name of the network.
        task: name of the task; empty if ``task='auto'`` would leave the picture alone.
        weights: catalogue name or file of the weights.
        backend, precision, device: what would compute, and in which number format.
        tiles: number of tiles of the picture, or of each frame of a video; 0 if the number is not
            known or nothing is computed.
        tile: width and height of the tiles in pixels, or None.
        frames: number of frames of a video, as far as its file states it; None for a picture.
        seconds: computing time, estimated from earlier runs on this machine; None without such
            runs, or if the size or the number of frames is not known.
        memory: peak memory of the program in bytes while it processes the picture; None for a
            video, and if the size of the picture is not known.
        skipped: whether an output is there already and would be left alone.
        error: why the restoration would fail, or None.
        warnings: what the user should know about the picture.
        detected: what ``task='auto'`` found, see :class:`.result.ResultRecord`; else empty.
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
    frames: int | None = None
    seconds: float | None = None
    memory: int | None = None
    skipped: bool = False
    error: str | None = None
    warnings: tuple[str, ...] = ()
    detected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left_alone(self) -> bool:
        """Whether ``task='auto'`` would leave the picture alone."""
        return self.error is None and bool(self.detected) and not self.task

    @property
    def to_do(self) -> bool:
        """Whether the picture would be restored."""
        return self.error is None and not (self.skipped or self.left_alone)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON's types."""
        return asdict(self)


def joined_download(downloads: Iterable[int | None]) -> int | None:
    """The size of several downloads together; see ``download`` of :class:`Plan`."""
    sizes = [size for size in downloads if size is not None]
    return (sum(sizes) if all(sizes) else 0) if sizes else None


class Plan(list[PlanRecord]):
    """What a run would do: a record for each distinct picture and video, in order.

    Args:
        records: of the pictures and videos.
        download: size in bytes of the weights that would be downloaded first; 0 if it is not
            known; None if nothing would be downloaded.
        memory: peak memory of the program in bytes for pictures, several of which may be
            processed at the same time; None if it is not known.
        devices: number of devices that share the pictures; a video is restored on one.

    Attributes:
        download, memory, devices: as given.
    """

    def __init__(
        self,
        records: Iterable[PlanRecord] = (),
        download: int | None = None,
        memory: int | None = None,
        devices: int = 1,
    ):
        super().__init__(records)
        self.download, self.memory, self.devices = download, memory, devices

    @classmethod
    def joined(cls, plans: Iterable[Plan]) -> Plan:
        """The plan of several runs, one after another, with different weights."""
        plans = list(plans)
        memory = max((plan.memory for plan in plans if plan.memory), default=None)
        records = [record for plan in plans for record in plan]
        devices = max((plan.devices for plan in plans), default=1)
        return cls(records, joined_download(plan.download for plan in plans), memory, devices)

    @property
    def seconds(self) -> float | None:
        """Estimate for all pictures and videos that have one, without start and download.

        None if none has.
        """
        known = [
            record.seconds / (self.devices if record.frames is None else 1)
            for record in self
            if record.to_do and record.seconds is not None
        ]
        return sum(known) if known else None
