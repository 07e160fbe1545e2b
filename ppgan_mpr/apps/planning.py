"""Plans the restoration of single pictures from their headers, without restoring them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import psutil

from ..errors import RestorationError
from ..imaging import Photo, PhotoReader
from ..imaging.formats import RAW_SUFFIXES
from ..imaging.header import header_of, read_header
from ..imaging.memory_budget import decoding_bytes
from ..imaging.reduce import reduced_size
from .loaded_network import LoadedNetwork
from .outputs import Outputs
from .plan import PlanRecord
from .sources import Source

_UNDEVELOPED = "it is a camera's raw file, whose size is known when it is developed"
# What a plan has in common with the record of the result.
_COMMON = ("network", "task", "weights", "backend", "precision", "device")


def plan_picture(
    source: Source,
    network: LoadedNetwork,
    outputs: Outputs | None,
    reader: PhotoReader,
    max_size: int | None,
    pace: float | None,
) -> PlanRecord:
    """What a network would do with one picture.

    Args:
        source: the picture.
        network: restores it.
        outputs, reader, max_size: see :func:`with_output`.
        pace: pixels of tiles that the network computes in a second, if the pace is known.
    """
    common = {name: getattr(network.common_record, name) for name in _COMMON}
    record = PlanRecord(source.name, **common)
    record, photo = with_output(record, source, outputs, reader, max_size)
    if photo is None or not record.to_do:
        return record
    return _with_tiles(record, photo, network, source.path is not None, pace)


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
        outputs: those of a dry run; None where no files are written.
        reader: reads pictures in memory.
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
    except Exception:  # a damaged file in memory can make decoders raise anything
        return replace(record, error="it is not a picture, or it is damaged"), None


def _with_tiles(
    record: PlanRecord,
    photo: Photo,
    network: LoadedNetwork,
    in_place: bool,
    pace: float | None,
) -> PlanRecord:
    """A record with the tiles of a picture, and the memory and the time that they take."""
    width, height = (network.scale * side for side in photo.size)
    tiles = network.restorers.first.plan(height, width)
    tall, wide = tiles.tile
    nbytes = photo.pixels.nbytes
    held = int(network.times_held(in_place) * nbytes + tiles.memory)
    return replace(
        record,
        size=(width, height),
        tiles=tiles.count,
        tile=(wide, tall),
        seconds=None if pace is None else tiles.count * tall * wide / pace,
        memory=psutil.Process().memory_info().rss + max(decoding_bytes(nbytes, 3 * nbytes), held),
    )


def _photo_like(source: Source, reader: PhotoReader, max_size: int | None) -> Photo | None:
    """A photo of a picture's size and depth; None for a raw file, whose size is not known."""
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
