"""Plans the restoration of pictures from their headers, without restoring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import psutil

from ..dependencies import require
from ..errors import RestorationError
from ..free_memory import available
from ..imaging import Photo, PhotoReader
from ..imaging.formats import RAW_SUFFIXES
from ..imaging.header import Header, header_of, read_header
from ..imaging.memory_budget import decoding_bytes
from ..imaging.raw import FORMAT as RAW
from ..imaging.raw import is_raw
from ..imaging.reduce import reduced_size
from ..inference import InferenceOptions
from .loaded_network import LoadedNetwork
from .outputs import Outputs
from .plan import Plan, PlanRecord
from .repeats import concurrent_pictures
from .sources import Source

_UNDEVELOPED = "it is a camera's raw file, whose size is not known until it is developed"
# What a plan has in common with the record of the result.
_COMMON = ("network", "task", "weights", "backend", "precision", "device")


class _Planned(NamedTuple):
    """A record, and the memory that decides how many pictures can be processed together.

    Attributes:
        record: of one picture.
        beside: bytes that the picture takes while the network computes another one.
    """

    record: PlanRecord
    beside: int = 0


def plan_pictures(
    sources: Sequence[Source],
    network: LoadedNetwork,
    outputs: Outputs | None,
    reader: PhotoReader,
    options: InferenceOptions,
    pace: float | None,
) -> Plan:
    """What a network would do with pictures.

    Args:
        sources: the distinct pictures.
        network: restores them.
        outputs: those of a dry run; None where no files are written.
        reader: reads pictures in memory.
        options: ``max_size`` and ``jobs`` are used.
        pace: pixels of tiles that the network computes in a second, if the pace is known.
    """
    planned = [
        _plan_picture(source, network, outputs, reader, options.max_size, pace)
        for source in sources
    ]
    jobs = concurrent_pictures(options.jobs, len(network.restorers))
    return Plan(
        [picture.record for picture in planned],
        network.download,
        _memory_together(planned, jobs),
        len(network.restorers),
    )


def plan_size(
    network: LoadedNetwork, width: int, height: int, max_size: int | None, pace: float | None
) -> PlanRecord:
    """What a network would do with any picture of this size; the source is left empty.

    Args:
        network: restores it.
        width, height: size of the picture in pixels.
        max_size: the limit that pictures are reduced to, if any.
        pace: see :func:`plan_pictures`.
    """
    width, height = network.result_size(width, height, max_size)
    tiles = network.restorers.first.plan(height, width)
    tall, wide = tiles.tile
    return replace(
        _common_record(network),
        size=(width, height),
        tiles=tiles.count,
        tile=(wide, tall),
        seconds=None if pace is None else tiles.count * tall * wide / pace,
    )


def _plan_picture(
    source: Source,
    network: LoadedNetwork,
    outputs: Outputs | None,
    reader: PhotoReader,
    max_size: int | None,
    pace: float | None,
) -> _Planned:
    record = replace(_common_record(network), source=source.name)
    try:
        finished = outputs.finished(source) if outputs else None
        if finished:
            return _Planned(replace(record, output=str(finished), skipped=True))
        raw = _is_raw(source)
        photo = _undeveloped() if raw else _photo_like(source, reader, max_size)
        output = outputs.claim(source, photo) if outputs else None
        if outputs and output:
            record = replace(record, output=str(output), skipped=outputs.keeps(output))
    except (RestorationError, OSError) as error:
        return _Planned(replace(record, error=str(error)))
    except Exception:  # a damaged file in memory can make decoders raise anything
        return _Planned(replace(record, error="it is not a picture, or it is damaged"))
    if record.skipped:
        return _Planned(record)
    if raw:
        return _Planned(replace(record, warnings=(_UNDEVELOPED,)))
    return _with_tiles(record, source, photo, network, pace)


def _with_tiles(
    record: PlanRecord, source: Source, photo: Photo, network: LoadedNetwork, pace: float | None
) -> _Planned:
    """A record with the tiles of a picture, and the memory and the time that they take."""
    same = plan_size(network, *photo.size, None, pace)
    assert same.size is not None
    width, height = same.size
    nbytes = photo.pixels.nbytes * (1 if source.right is None else 2)
    held = int(network.times_held(source.path is not None) * nbytes)
    decoding = decoding_bytes(nbytes, 3 * nbytes)
    computing = held + int(network.restorers.first.plan(height, width).memory)
    return _Planned(
        replace(
            record,
            size=same.size,
            tiles=same.tiles,
            tile=same.tile,
            seconds=same.seconds,
            memory=_process_bytes() + max(decoding, computing),
        ),
        max(decoding, held),
    )


def _memory_together(planned: Sequence[_Planned], jobs: int) -> int | None:
    """Peak memory of the program in bytes while ``jobs`` pictures are processed at the same time.

    Pictures beyond the first wait until there is free memory for them.
    """
    sizes = [
        (picture.record.memory, picture.beside)
        for picture in planned
        if picture.record.memory is not None
    ]
    if not sizes:
        return None
    largest, own = max(sizes)
    others = sorted(beside for _, beside in sizes)
    others.remove(own)
    together = largest + sum(others[len(others) - min(jobs - 1, len(others)) :])
    return max(largest, min(together, _process_bytes() + available()))


def _common_record(network: LoadedNetwork) -> PlanRecord:
    return PlanRecord("", **{name: getattr(network.common_record, name) for name in _COMMON})


def _process_bytes() -> int:
    """Bytes of main memory that this process occupies."""
    return int(psutil.Process().memory_info().rss)


def _is_raw(source: Source) -> bool:
    """Whether a picture is a camera's raw file, whose size is unknown until it is developed."""
    if isinstance(source.picture, bytes):
        return is_raw(source.picture, "")
    return source.path is not None and source.path.suffix.lower() in RAW_SUFFIXES


def _undeveloped() -> Photo:
    """A photo with the depth and the format of a developed raw file, of unknown size.

    Raises:
        MissingDependencyError: rawpy is not installed.
    """
    require("rawpy")
    return Photo(np.zeros([1, 1, 3], np.uint16), format=RAW)


def _photo_like(source: Source, reader: PhotoReader, max_size: int | None) -> Photo:
    """A photo of a picture's size and depth, whose pixels are all 0."""
    header: Header | None = None
    if source.problem is None and source.path is not None:
        header = read_header(source.path)
    elif isinstance(source.picture, bytes):
        header = header_of(source.picture)
    if header is not None:
        (height, width), dtype = header[:2], np.dtype(f"u{header.itemsize}")
    else:
        photo = source.read(reader)
        (height, width), dtype = photo.pixels.shape[:2], photo.pixels.dtype
    width, height = reduced_size(width, height, max_size)
    return Photo(np.broadcast_to(np.zeros([1, 1, 1], dtype), [height, width, 3]))
