"""What a run would do, found out from the headers of the pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import psutil

from ..errors import RestorationError
from ..imaging import Photo, PhotoReader
from ..imaging.formats import RAW_SUFFIXES
from ..imaging.header import header_of, read_header
from ..imaging.memory_budget import decoding_bytes
from ..imaging.reduce import reduced_size
from ..inference import TilePlan
from .outputs import Outputs
from .sources import Source

#: The mistake of running a predictor that was made for a dry run.
DRY_RUN = "dry_run=True makes a predictor for plan() alone: leave it out."
_UNDEVELOPED = "it is a camera's raw file, whose size is known when it is developed"


@dataclass(frozen=True)
class PlanRecord:
    """What a run would do with one picture; plain values that JSON can hold.

    Attributes:
        source: the input file, or a word for a picture in memory.
        output: the file to be written, or the one already there, as far as the header tells: a
            picture with transparency or a colour profile may need another format. None where no
            file is written.
        size: width and height of the result in pixels; None if they are not known.
        network: name of the network.
        task: name of the task; empty where it depends on the picture.
        weights: catalogue name or file of the weights.
        backend, precision, device: what would compute, and in which number format.
        tiles: number of tiles; 0 if it is not known or nothing is computed.
        tile: width and height of the tiles in pixels, or None.
        seconds: to compute it, from the pace of earlier runs on this machine; None if there is
            none.
        memory: bytes that it takes at most, the program included; None if its size is not known.
        skipped: an output is there already and would be left alone.
        error: why it would fail, or None.
        warnings: what the user should know about it.
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
        download: bytes of the weights that would be downloaded first, 0 if their number is not
            known; None where nothing is.

    Attributes:
        download: as given.
    """

    def __init__(self, records: Iterable[PlanRecord] = (), download: int | None = None):
        super().__init__(records)
        self.download = download

    @property
    def seconds(self) -> float | None:
        """Estimate for all pictures, without start and download; None if it is not known."""
        found = [record.seconds for record in self if record.to_do]
        known = [seconds for seconds in found if seconds is not None]
        return sum(known) if len(known) == len(found) else None

    @property
    def memory(self) -> int | None:
        """The most bytes that one picture takes; more are in work only where they are free."""
        return max(
            (record.memory for record in self if record.memory and record.to_do), default=None
        )


def with_output(
    record: PlanRecord,
    source: Source,
    outputs: Outputs | None,
    reader: PhotoReader,
    max_size: int | None,
) -> tuple[PlanRecord, Photo | None]:
    """A record with the file that would be written, or with the error that prevents it.

    Args:
        record: of the picture.
        source: the picture.
        outputs: of a dry run; None where no files are written.
        reader: reads what is in memory.
        max_size: the limit that pictures are reduced to, if any.

    Returns:
        The record, and a photo of the picture's size and depth whose pixels are all 0; None where
        its size is not needed or not known.
    """
    try:
        finished = outputs.finished(source) if outputs else None
        if finished:
            return replace(record, output=str(finished), skipped=True), None
        photo = _photo_like(source, reader, max_size)
        if photo is None:
            return replace(record, warnings=(_UNDEVELOPED,)), None
        output = outputs.claim(source, photo) if outputs else None
        if outputs and output:
            record = replace(record, output=str(output), skipped=outputs.keeps(output))
        return record, photo
    except (RestorationError, OSError) as error:
        return replace(record, error=str(error)), None
    except Exception:  # whatever a damaged file in memory drives decoders into
        return replace(record, error="it is not a picture, or it is damaged"), None


def with_tiles(
    record: PlanRecord,
    photo: Photo,
    size: tuple[int, int],
    tiles: TilePlan,
    times_held: float,
    pace: float | None,
) -> PlanRecord:
    """A record with the tiles of a picture, and what they take.

    Args:
        record: of the picture.
        photo: see :func:`with_output`.
        size: width and height of its result.
        tiles: of its result.
        times_held: how many times the bytes of the decoded picture are held after decoding.
        pace: pixels of tiles in a second, if it is known.
    """
    tall, wide = tiles.tile
    nbytes = photo.pixels.nbytes
    held = max(decoding_bytes(nbytes, 3 * nbytes), int(times_held * nbytes + tiles.memory))
    return replace(
        record,
        size=size,
        tiles=tiles.count,
        tile=(wide, tall),
        seconds=None if pace is None else tiles.count * tall * wide / pace,
        memory=psutil.Process().memory_info().rss + held,
    )


def _photo_like(source: Source, reader: PhotoReader, max_size: int | None) -> Photo | None:
    if source.path is not None and source.path.suffix.lower() in RAW_SUFFIXES:
        return None
    if source.problem is None and source.path is not None:
        height, width, itemsize, _ = read_header(source.path)
        dtype = np.dtype(f"u{itemsize}")
    elif isinstance(source.picture, bytes):
        height, width, itemsize, _ = header_of(source.picture)
        dtype = np.dtype(f"u{itemsize}")
    else:
        photo = source.read(reader)
        (height, width), dtype = photo.pixels.shape[:2], photo.pixels.dtype
    width, height = reduced_size(width, height, max_size)
    return Photo(np.broadcast_to(np.zeros([1, 1, 1], dtype), [height, width, 3]))
