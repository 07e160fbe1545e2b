"""Writes the finished video: the encoded parts, and all other streams of the source unchanged."""

from __future__ import annotations

import contextlib
import heapq
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..dependencies import require
from ..errors import ImageError
from ..imaging.limits import Limits
from .clip import ClipFacts, open_clip, pictures_of
from .encoding import Encoding, set_appearance, stream_for
from .parts import Part
from .scheduling import kept_priority

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

# Suffix -> FFmpeg's name of the container.
_CONTAINERS = {
    ".3g2": "3g2", ".3gp": "3gp", ".asf": "asf", ".avi": "avi", ".divx": "avi", ".f4v": "f4v",
    ".flv": "flv", ".ivf": "ivf", ".m2ts": "mpegts", ".m2v": "mpeg2video", ".m4v": "mp4",
    ".mkv": "matroska", ".mov": "mov", ".mp4": "mp4", ".mpeg": "mpeg", ".mpg": "mpeg",
    ".mts": "mpegts", ".mxf": "mxf", ".nut": "nut", ".ogv": "ogv", ".ts": "mpegts", ".vob": "vob",
    ".webm": "webm", ".wmv": "asf",
}  # fmt: skip
_MOVIES = ("3g2", "3gp", "f4v", "mov", "mp4")  # containers with a free choice of time base
# Tags that describe the source's own encoding.
_OF_ENCODING = (
    "major_brand", "minor_version", "compatible_brands", "encoder", "encoding_tool", "software",
    "rotate",
)  # fmt: skip
# Prefixes of such tags in Matroska.
_STATISTICS = ("_STATISTICS", "BPS", "NUMBER_OF_", "DURATION")
# Tags that containers give to every stream.
_OF_STREAMS = ("language", "handler_name", "vendor_id")
_BLU_RAY = (".m2ts", ".mts")


@dataclass(frozen=True)
class Copied:
    """Streams of a source that are copied into the result unchanged.

    Attributes:
        numbers: indices of the streams.
        warnings: warnings about streams that are left out or not restored.
    """

    numbers: tuple[int, ...]
    warnings: tuple[str, ...]


def container_of(output: Path) -> str:
    """FFmpeg's name of the container that belongs to the suffix of an output.

    Raises:
        ImageError: the suffix is not that of a video format that can be written.
    """
    name = _CONTAINERS.get(output.suffix.lower())
    if name is None:
        raise ImageError(
            f"videos cannot be written as {output.suffix or 'files without suffix'}: choose .mp4 "
            "or .mkv"
        )
    return name


def check_container(
    source: Path, output: Path, encoding: Encoding, limits: Limits, allow_loss: bool
) -> Copied:
    """Check, before frames are restored, which streams the container of the result can hold.

    Args:
        source: the video.
        output: the result, whose suffix decides the container.
        encoding: how the restored frames are encoded.
        limits: see :func:`.clip.open_clip`.
        allow_loss: whether sound and subtitles may be left out.

    Raises:
        ImageError: the container cannot hold the restored frames, or sound or subtitles that may
            not be left out.
    """
    name = container_of(output)
    if not _can_hold(name, output, lambda container: stream_for(container, encoding)):
        raise ImageError(
            f"{output.suffix} cannot hold {encoding.codec}: choose another one with codec=, or an "
            "output such as clip.mkv"
        )
    kept, warnings = [], []
    with open_clip(source, limits) as container:
        restored = pictures_of(container).index
        for stream in container.streams:
            if stream.index == restored:
                continue

            def add(target: OutputContainer, stream: Any = stream) -> None:
                target.add_stream_from_template(stream, opaque=True)

            if _can_hold(name, output, add):
                kept.append(stream.index)
                if stream.type == "video" and not _is_cover(stream):
                    warnings.append(f"its other video, stream {stream.index}, was not restored")
                continue
            codec = stream.codec.name if stream.codec_context else "unknown codec"
            what = f"its {stream.type} stream {stream.index} ({codec})"
            if stream.type in ("audio", "subtitle") and not allow_loss:
                raise ImageError(
                    f"{output.suffix} cannot hold {what}: name an output such as clip.mkv, or "
                    "leave it out with allow_loss=True"
                )
            warnings.append(f"{what} was left out, as {output.suffix} cannot hold it")
    return Copied(tuple(kept), tuple(warnings))


def write_video(
    file: BinaryIO,
    source: Path,
    output: Path,
    facts: ClipFacts,
    encoding: Encoding,
    parts: Sequence[Part],
    files: Sequence[Path],
    copied: Copied,
    limits: Limits,
) -> tuple[str, ...]:
    """Write the result without encoding any frame again.

    Args:
        file: empty and open for writing; gets the result.
        source: the video.
        output: the result, whose suffix decides the container.
        facts: the properties of the video.
        encoding: how the restored frames are encoded.
        parts, files: the encoded frames.
        copied: see :func:`check_container`.
        limits: see :func:`.clip.open_clip`.

    Returns:
        Warnings.

    Raises:
        ImageError: the result cannot be written.
    """
    av = require("av")
    try:
        with contextlib.ExitStack() as stack:
            before = stack.enter_context(open_clip(source, limits))
            result = stack.enter_context(_open(file, output, facts.time_base))
            first = stack.enter_context(_open_part(files[0], encoding))
            target = result.add_stream_from_template(first.streams.video[0], opaque=True)
            pictures = pictures_of(before)
            set_appearance(target.codec_context, encoding)  # not all containers of parts keep it
            target.time_base = facts.time_base
            target.metadata.update(_kept_tags(pictures))
            target.disposition = pictures.disposition
            _set_tag(target, facts, encoding)
            targets = {number: _copy(result, before.streams[number]) for number in copied.numbers}
            result.metadata.update(_kept_tags(before))
            result.set_chapters(before.chapters())
            result.start_encoding()
            packets = heapq.merge(
                _restored(parts, files, facts, encoding, target),
                _others(before, targets),
                key=lambda entry: entry[0],
            )
            for _, packet in packets:
                result.mux(packet)
            exact = all(
                (time * facts.time_base / target.time_base).denominator == 1
                for part in parts
                for time in part.times
            )
    except (av.error.FFmpegError, ValueError) as error:
        raise ImageError(f"{output} cannot be written: {error}") from None
    if exact:
        return ()
    return (f"{output.suffix} rounds the times of frames to multiples of {target.time_base} s",)


def unkept(source: Path, output: Path, encoding: Encoding, limits: Limits) -> tuple[str, ...]:
    """Warnings about what the finished result does not state, though the source does.

    No muxer says in advance which chapters, tags and pixel aspect ratios it writes: in Matroska,
    for example, only some codecs state the ratio.

    Args:
        source: the video.
        output: the result.
        encoding: how the restored frames are encoded.
        limits: see :func:`.clip.open_clip`.
    """
    warnings = []
    with open_clip(source, limits) as before, open_clip(output, limits) as after:
        if (pictures_of(after).sample_aspect_ratio or 1) != (encoding.aspect or 1):
            warnings.append(
                f"the result does not state its pixel aspect ratio, {encoding.aspect}: choose "
                "codec='h264', or an output such as clip.mp4"
            )
        lost = ["chapters"] if len(after.chapters()) < len(before.chapters()) else []
        if tags := _lost_tags(before, after):
            lost.append(f"tags ({', '.join(tags)})")
    if lost:
        warning = f"{output.suffix} does not keep its {' and '.join(lost)}"
        better = "" if output.suffix.lower() == ".mkv" else ": choose an output such as clip.mkv"
        warnings.append(warning + better)
    return tuple(warnings)


def _lost_tags(before: InputContainer, after: InputContainer) -> list[str]:
    """The names of a video's tags that the result has neither by name nor by value.

    Containers give some tags other names, and write places and times in other ways. Ogg has the
    tags of the whole video in its streams.
    """
    given = {**_kept_tags(pictures_of(before)), **_kept_tags(before)}
    found = {**pictures_of(after).metadata, **after.metadata}
    names = {name.lower() for name in found} | set(_OF_STREAMS)
    values = {value.strip() for value in found.values()} | {""}
    lost = {
        name: value
        for name, value in given.items()
        if name.lower() not in names and value.strip() not in values
    }
    # MP4 gives some tags twice, such as location and location-eng.
    return sorted(name.lower() for name, value in lost.items() if lost.get(name[:-4]) != value)


def _can_hold(name: str, output: Path, add: Any) -> bool:
    """Whether a container can hold a stream, by starting a file with this stream alone."""
    av = require("av")
    container = av.open(io.BytesIO(), "w", format=name, options=_options(output, None))
    try:
        add(container)
        with kept_priority():
            container.start_encoding()
    except (av.error.FFmpegError, ValueError, RuntimeError):
        return False
    finally:
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            container.close()
    return True


def _open(file: BinaryIO, output: Path, time_base: Fraction) -> Any:
    options = _options(output, time_base)
    return require("av").open(file, "w", format=container_of(output), options=options)


def _options(output: Path, time_base: Fraction | None) -> dict[str, str]:
    name = container_of(output)
    options = {}
    if name in _MOVIES and time_base is not None and time_base.numerator == 1:
        options["video_track_timescale"] = str(time_base.denominator)
    if name in _MOVIES:
        options["movflags"] = "use_metadata_tags" if name in ("mp4", "mov") else "0"
    if name == "mpegts":
        options["mpegts_copyts"] = "1"
        if output.suffix.lower() in _BLU_RAY:
            options["mpegts_m2ts_mode"] = "1"
    return options


def _open_part(file: Path, encoding: Encoding) -> Any:
    return require("av").open(str(file.absolute()), "r", format=encoding.part_container)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _set_tag(target: Any, facts: ClipFacts, encoding: Encoding) -> None:
    """Copy the source's codec tag: some players recognise H.265 only as hvc1."""
    if facts.codec == encoding.codec == "hevc" and facts.codec_tag in ("hvc1", "hev1"):
        with contextlib.suppress(AttributeError, ValueError):
            target.codec_tag = facts.codec_tag


def _kept_tags(part: Any) -> dict[str, str]:
    """Metadata of a container or stream, without tags about its encoding."""
    return {
        name: value
        for name, value in part.metadata.items()
        if name.lower() not in _OF_ENCODING and not name.startswith(_STATISTICS)
    }


def _copy(result: OutputContainer, stream: Any) -> Any:
    target = result.add_stream_from_template(stream, opaque=True)
    target.metadata.update(stream.metadata)
    if stream.type != "attachment":
        target.time_base = stream.time_base
        target.disposition = stream.disposition
    return target


def _restored(
    parts: Sequence[Part],
    files: Sequence[Path],
    facts: ClipFacts,
    encoding: Encoding,
    target: Any,
) -> Iterator[tuple[Fraction, Any]]:
    """Yield the packets of the parts with the times of the source."""
    times = [time for part in parts for time in part.times]
    ends = [*times[1:], times[-1] + parts[-1].durations[-1]]
    decoding = decoding_times([part.order for part in parts], times, facts.usual_duration)
    first = 0
    for part, file in zip(parts, files):
        with _open_part(file, encoding) as container:
            packets = (packet for packet in container.demux(video=0) if packet.size)
            for number, packet in zip(part.order, packets):
                shown = first + number
                packet.stream = target
                packet.time_base = facts.time_base
                packet.pts, packet.dts = times[shown], next(decoding)
                packet.duration = ends[shown] - times[shown]
                yield packet.dts * facts.time_base, packet
        first += len(part.times)


def decoding_times(
    orders: Sequence[Sequence[int]], times: Sequence[int], usual: int
) -> Iterator[int]:
    """Yield the decoding times of all frames, in the order in which the frames are stored.

    Args:
        orders: for each part, the numbers of its frames in the stored order.
        times: the display times of all frames, ascending.
        usual: the usual duration of a frame.

    Yields:
        Ascending times; each is no later than the display time of its frame.
    """
    delay = max(place - number for order in orders for place, number in enumerate(order))
    for place in range(len(times)):
        earlier = place - delay
        yield times[earlier] if earlier >= 0 else times[0] + earlier * usual


def _others(before: InputContainer, targets: dict[int, Any]) -> Iterator[tuple[Fraction, Any]]:
    """Yield the packets of the copied streams."""
    av = require("av")
    streams = [s for s in before.streams if s.index in targets and s.type != "attachment"]
    if not streams:
        return
    packets = before.demux(streams)
    latest = Fraction(0)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:  # the file is cut short; read_frames has noted it
            return
        if packet is None:
            return
        if not packet.size:
            continue
        time = packet.pts if packet.dts is None else packet.dts
        if time is not None:
            latest = max(latest, time * packet.time_base)
        packet.stream = targets[packet.stream_index]
        yield latest, packet
