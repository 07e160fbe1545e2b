"""Reads videos: their properties, and their frames in order with their times."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dependencies import require
from ..errors import ImageError
from ..imaging.limits import MAX_PIXELS, Limits
from .pixels import Colour, Orientation, PixelReader, side_data
from .unreadable import reason_unreadable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers by FFmpeg's names. Playlists (HLS, DASH) and file lists (concat) are left out, as they
# refer to other files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "m4v", "flv",
    "asf", "nut", "ogg", "mxf", "ivf", "h264", "hevc", "obu",
)  # fmt: skip
_BUFFER = 1 << 18  # bytes read at once
_SLOWEST, _FASTEST = 1, 240  # frames a second that encoders take
# Side data of frames that the result does not keep, by FFmpeg's names.
_DROPPED = {
    "MASTERING_DISPLAY_METADATA": "the HDR mastering display",
    "CONTENT_LIGHT_LEVEL": "the HDR light level",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "DOVI_METADATA": "Dolby Vision",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "A53_CC": "closed captions embedded in the video stream",
    "STEREO3D": "the arrangement of stereo views",
    "SPHERICAL": "the projection of a spherical video",
    "ICC_PROFILE": "the colour profile",
}
_HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics, by their numbers in H.273


@dataclass(frozen=True)
class ClipFacts:
    """The properties of a video, from its header and its first frame.

    Attributes:
        container: FFmpeg's name of the container.
        codec: codec of the frames, such as ``h264``.
        codec_tag: the container's name of the codec, in four letters.
        pixel_format: FFmpeg's name, such as ``yuv420p10le``.
        size: width and height of the stored frames in pixels.
        depth: bits per sample.
        colour: how samples represent colours.
        orientation: how frames are turned for display.
        time_base: unit of all times, in seconds.
        rate: average number of frames per second.
        frames: number of frames, an estimate if it is not ``counted``; None if unknown.
        counted: whether the file states the number of frames.
        seconds: end of the last frame in seconds; None if the file does not state it.
        aspect: width of a displayed pixel divided by its height; None if it is not stated.
        dropped: kinds of data in the source's frames that the restored frames lack.
    """

    container: str
    codec: str
    codec_tag: str
    pixel_format: str
    size: tuple[int, int]
    depth: int
    colour: Colour
    orientation: Orientation
    time_base: Fraction
    rate: Fraction
    frames: int | None
    counted: bool
    seconds: float | None
    aspect: Fraction | None
    dropped: tuple[str, ...]

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of the frames as they are shown."""
        return self.size[::-1] if self.orientation.transposed else self.size

    @property
    def hdr(self) -> str | None:
        """``PQ`` or ``HLG`` for a video of high dynamic range, else None."""
        return _HDR.get(self.colour.transfer)

    @property
    def usual_duration(self) -> int:
        """Average time for which a frame is shown, in units of ``time_base``."""
        return max(1, round(1 / (self.rate * self.time_base)))


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        number: number of the frame, from 0.
        time, duration: when and for how long it is shown, in units of the video's ``time_base``.
        pixels: [H, W, 3] uint8 or uint16 RGB, turned for display.
    """

    number: int
    time: int
    duration: int
    pixels: np.ndarray


@dataclass
class Problems:
    """Faults of a video that appear while its frames are read.

    Attributes:
        damaged: number of frames or packets that could not be decoded without errors.
        retimed: number of frames whose time was missing or not later than the previous one.
        interlaced: number of interlaced frames.
        cut_short: whether the file is truncated, so that frames at the end are missing.
    """

    damaged: int = 0
    retimed: int = 0
    interlaced: int = 0
    cut_short: bool = False

    def warnings(self) -> Iterator[str]:
        """Yield a warning for each kind of faulty frames."""
        if self.interlaced:
            yield f"interlaced frames, which may show comb artefacts: {self.interlaced}"
        if self.retimed:
            yield f"frames without a valid time, which were given one: {self.retimed}"
        if self.damaged:
            yield f"frames that are damaged or could not be decoded: {self.damaged}"


@contextlib.contextmanager
def open_clip(path: Path, limits: Limits) -> Iterator[InputContainer]:
    """Open a video file. Only known containers are read, and FFmpeg opens no other file.

    Raises:
        ImageError: the file is not a video, or it is damaged.
        MissingDependencyError: PyAV is not installed.
    """
    av = require("av")
    most = min(MAX_PIXELS, limits.nbytes // 3)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            container = av.open(
                file,
                "r",
                options={
                    "format_whitelist": ",".join(_CONTAINERS),
                    "protocol_whitelist": "none",
                    "max_pixels": str(most),
                },
                metadata_errors="replace",
                buffer_size=_BUFFER,
                io_open=_refuse_to_open,
            )
            stack.enter_context(container)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise ImageError(_reason(path, error)) from None
        yield container


def pictures_of(container: InputContainer) -> VideoStream:
    """The stream whose frames are restored: the first video stream that is not a cover picture.

    Raises:
        ImageError: the file has no such stream.
    """
    for stream in container.streams.video:
        if not stream.disposition & type(stream.disposition).attached_pic:
            return stream
    raise ImageError("it contains no video")


def inspect(path: Path, limits: Limits) -> ClipFacts:
    """Read the properties of a video; this decodes its first frame.

    Args:
        path: the file.
        limits: limits of a frame's size in memory, the same as for a picture.

    Raises:
        ImageError: it is not a video, or it is damaged, too large, or cannot be restored.
        MissingDependencyError: PyAV is not installed.
    """
    with open_clip(path, limits) as container:
        stream = pictures_of(container)
        codec = stream.codec_context
        if codec is None or not stream.codec:
            raise ImageError("its codec is unknown")
        limits.check_size(max(1, codec.width), max(1, codec.height), 3, 2)
        frame = next(_decoded(container, stream, Problems()), None)
        if frame is None:
            raise ImageError("none of its frames can be decoded: it is damaged or empty")
        if frame.interlaced_frame:
            raise ImageError(
                "it is interlaced, and its fields cannot be restored separately: "
                "deinterlace it first, for example with FFmpeg's filter bwdif"
            )
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        rate = min(max(rate, Fraction(_SLOWEST)), Fraction(_FASTEST))
        time_base = stream.time_base or Fraction(1, 90000)
        seconds = _seconds(container, stream)
        longest = seconds or (container.duration or 0) / 1e6
        frames = stream.frames or round(longest * rate) or None
        kinds = side_data(frame)
        return ClipFacts(
            container=container.format.name,
            codec=stream.codec.canonical_name,
            codec_tag=stream.codec_tag,
            pixel_format=frame.format.name,
            size=(frame.width, frame.height),
            depth=max(component.bits for component in frame.format.components),
            colour=Colour.of(frame),
            orientation=Orientation.of(frame),
            time_base=time_base,
            rate=rate.limit_denominator(1001),
            frames=frames,
            counted=bool(stream.frames),
            seconds=seconds,
            aspect=stream.sample_aspect_ratio or None,
            dropped=tuple(dict.fromkeys(_DROPPED[kind] for kind in _DROPPED if kind in kinds)),
        )


def read_frames(
    path: Path, facts: ClipFacts, limits: Limits, problems: Problems, first: int = 0
) -> Iterator[Frame]:
    """Read the frames of a video in the order in which they are shown.

    Args:
        path: the file.
        facts: the properties of the video.
        limits: limits of a frame's size in memory.
        problems: gets the faults that are found.
        first: number of the first frame to yield; earlier frames are decoded but not converted.

    Raises:
        ImageError: the video cannot be opened, or its frames differ in size.
    """
    to_rgb = PixelReader(facts.colour, facts.depth, facts.orientation)
    last = None
    with open_clip(path, limits) as container:
        for number, frame in enumerate(_decoded(container, pictures_of(container), problems)):
            if (frame.width, frame.height) != facts.size:
                width, height = facts.size
                raise ImageError(
                    f"frame {number + 1} is {frame.width} x {frame.height} pixels and the first is "
                    f"{width} x {height}: cut the video where its size changes"
                )
            time = frame.pts
            if time is None or (last is not None and time <= last):
                problems.retimed += 1
                time = 0 if last is None else last + facts.usual_duration
            last = time
            problems.interlaced += frame.interlaced_frame
            if number >= first:
                duration = frame.duration or facts.usual_duration
                yield Frame(number, time, duration, to_rgb(frame))


def _decoded(
    container: InputContainer, stream: VideoStream, problems: Problems
) -> Iterator[VideoFrame]:
    """Yield all frames that can be decoded."""
    av = require("av")
    stream.thread_type = "AUTO"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            problems.cut_short = True
            packet = None
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.EOFError:  # flushed
            return
        except av.error.FFmpegError:
            problems.damaged += 1
            frames = []
        for frame in frames:
            problems.damaged += frame.is_corrupt
            yield frame
        if packet is None or (packet.dts is None and not packet.size):
            return


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """The stated end of the stream; the container may end later because of its sound."""
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    if stream.duration and stream.time_base:
        return start + float(stream.duration * stream.time_base)
    match = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if match:  # in Matroska
        return 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])
    if container.duration and len(container.streams) == 1:
        return start + container.duration / 1e6
    return None


def _refuse_to_open(*_: Any) -> Any:
    """Called by FFmpeg to open other files that a video refers to."""
    raise PermissionError("a video may not refer to other files")


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be opened."""
    av = require("av")
    try:
        reason = reason_unreadable(path)
    except OSError as unread:
        return f"it cannot be read: {unread.strerror or unread}"
    if reason:
        return reason
    reason = "it is not a video of a known format, or it is damaged"
    if isinstance(error, (av.error.ArgumentError, av.error.InvalidDataError)):
        return reason  # FFmpeg's words for these errors add nothing
    return f"{reason} ({getattr(error, 'strerror', None) or str(error) or type(error).__name__})"
