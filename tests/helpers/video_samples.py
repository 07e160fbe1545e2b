"""Writes small videos for tests, and reads their frames and packets."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np

TIME_BASE = Fraction(1, 12800)
EVEN = 512  # duration of a frame in units of the time base, at 25 frames per second


def picture(number=0, size=(48, 32), seed=0, noise=0):
    """A smooth picture [H, W, 3] uint8, panned by two pixels for each number."""
    width, height = size
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 3, height)[:, None, None] + rng.uniform(0, 6, 3)
    columns = (np.arange(width) + 2 * number)[None, :, None] / width * 4
    smooth = 128 + 55 * np.sin(rows + columns) + 20 * np.cos(2 * columns - rows)
    if noise:
        smooth = smooth + np.random.default_rng(number).normal(0, noise, smooth.shape)
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)


def make_video(
    path, frames=6, size=(48, 32), codec="libx264", pixel_format="yuv420p", *, times=None,
    audio=False, subtitles=False, options=None, seeds=None, noise=0, pictures=None, tags=None,
    **context,
):  # fmt: skip
    """Write a video; returns the times of its frames in 1/12800 s.

    Args:
        path: the file.
        frames, size, codec, pixel_format, options: number of frames, and how they are encoded.
        times: times of the frames; default: 25 frames per second.
        audio, subtitles: whether to add a tone (AAC) and a subtitle.
        seeds: seed of each frame's picture; another seed gives another subject.
        noise: see :func:`picture`.
        pictures: the frames, instead of those of :func:`picture`.
        tags: metadata of the container.
        **context: attributes of the encoder, such as ``color_range``.
    """
    frames = len(pictures) if pictures else frames
    times = times or [EVEN * number for number in range(frames)]
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        stream = container.add_stream(codec, rate=25, options=options or fast(codec))
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.codec_context.time_base = TIME_BASE
        stream.time_base = TIME_BASE
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        sound = container.add_stream("aac", rate=16000, layout="mono") if audio else None
        text = add_subtitles(container) if subtitles else None
        if text is not None:
            container.start_encoding()
            packet = av.Packet(b"what is said")
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts, packet.dts, packet.duration = 40, 40, 100
            container.mux(packet)
        for number, time in enumerate(times):
            seed = seeds[number] if seeds else 0
            pixels = pictures[number] if pictures else picture(number, size, seed, noise)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = time, TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            for number in range(1 + times[-1] * 16000 // 12800 // 1024):
                tone = np.sin(np.arange(1024) / 9 + number)[None].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 16000, 1024 * number
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return times


def fast(codec):
    """Options that make an encoder fast."""
    return {"libx264": {"preset": "ultrafast", "bf": "2"}}.get(codec, {})


def add_subtitles(container):
    """Add a stream of subtitles copied from SRT text, which needs no text encoder."""
    text = io.BytesIO(b"1\n00:00:00,040 --> 00:00:00,140\nwhat is said\n")
    with av.open(text, format="srt") as source:
        return container.add_stream_from_template(source.streams.subtitles[0], opaque=True)


def decoded(path):
    """The frames of a video as PyAV decodes them."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def times_of(path):
    """The time of each frame in seconds."""
    return [frame.pts * frame.time_base for frame in decoded(path)]


def packets_of(path, kind):
    """(time, decoding time, duration, bytes) of each packet in the streams of a kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [
            (packet.pts, packet.dts, packet.duration, bytes(packet))
            for packet in (container.demux(streams) if streams else ())
            if packet.size
        ]


def rgb(frame):
    """Pixels of a frame as this project reads them."""
    from ppgan_mpr.video.pixels import Colour, Orientation, PixelReader

    depth = max(part.bits for part in frame.format.components)
    return PixelReader(Colour.of(frame), depth, Orientation.of(frame))(frame)


def turned(source, target, degrees, mirrored=False):
    """Copy a video and add a display rotation to the copy."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0], opaque=True)
        stream.set_display_rotation(degrees, hflip=mirrored)
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)
