"""Chooses the encoder of a restored video, and encodes the parts of the video."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from ..checks import check_whole_number, did_you_mean
from ..dependencies import require
from ..errors import ImageError, UsageError
from .clip import ClipFacts
from .pixels import MATRIX_OF_CONVERSION, Colour, PixelWriter
from .scheduling import kept_priority

# Containers of parts, by FFmpeg's names. The first that supports the codec is used. Only the order
# of its packets is read, not their times.
_PART_CONTAINERS = ("nut", "mov", "matroska")
_AVX512F = 13  # OpenCV's number of this extension, which its module for Python does not name
_SMALL = 64  # pixels; at some smaller sizes libx265 writes outside its buffers


@dataclass(frozen=True)
class _Encoder:
    """An encoder of FFmpeg and its settings.

    Attributes:
        name: FFmpeg's name of the encoder.
        quality: default of its constant quality, 0 the best; None if it has no such setting.
        worst: largest value of the quality.
        scale: the option that sets the quality; ``qscale`` is FFmpeg's own scale of quantisers.
        options: other options of the encoder.
        on_avx512: further options, which only processors with AVX-512 need.
    """

    name: str
    quality: int | None = None
    worst: int = 51
    scale: str = "crf"
    options: Mapping[str, str] = field(default_factory=dict)
    on_avx512: Mapping[str, str] = field(default_factory=dict)


# At these qualities, encoding changes the frames less than the restoration does.
_ENCODERS = {
    # With AVX-512, x264 reads memory that it has not set, unless the width of the frames is a
    # multiple of 128. The same frames are then encoded differently each time.
    "h264": _Encoder("libx264", 17, on_avx512={"x264-params": "asm=avx2"}),
    "hevc": _Encoder("libx265", 19, options={"x265-params": "log-level=none"}),
    "vp8": _Encoder("libvpx", 8, 63, options={"b": "50M", "deadline": "good", "cpu-used": "2"}),
    "vp9": _Encoder(
        "libvpx-vp9", 22, 63, options={"b": "0", "deadline": "good", "cpu-used": "3", "row-mt": "1"}
    ),
    "av1": _Encoder("libsvtav1", 22, 63, options={"preset": "7"}),
    "ffv1": _Encoder("ffv1", options={"level": "3"}),
    "prores": _Encoder("prores_ks"),
    **{
        codec: _Encoder(codec, 3, 31, "qscale")
        for codec in ("mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "msmpeg4v3", "h263")
    },
    "flv1": _Encoder("flv", 3, 31, "qscale"),
}
_LAMBDA = 118  # factor from a quantiser to FFmpeg's scale of global_quality (FF_QP2LAMBDA)


@dataclass(frozen=True)
class Encoding:
    """How the frames of one video are encoded.

    Attributes:
        codec: FFmpeg's name of the codec, such as ``h264``.
        encoder: FFmpeg's name of the encoder.
        options: options of the encoder.
        pixel_format: FFmpeg's name of the pixel format.
        size: width and height in pixels.
        rate: average number of frames per second.
        aspect: width of a displayed pixel divided by its height, or None.
        colour: how samples represent colours.
        part_container: FFmpeg's name of the container that stores the parts.
        headers_apart: whether the result's container stores the codec's headers in its own header.
        warnings: warnings for the user.
    """

    codec: str
    encoder: str
    options: Mapping[str, str]
    pixel_format: str
    size: tuple[int, int]
    rate: Fraction
    aspect: Fraction | None
    colour: Colour
    part_container: str
    headers_apart: bool
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All settings that affect the encoded bytes, in the types of JSON."""
        facts = asdict(replace(self, warnings=()))
        return {
            **facts,
            "size": list(self.size),
            "rate": str(self.rate),
            "aspect": str(self.aspect),
        }


def choose_encoding(
    facts: ClipFacts,
    size: tuple[int, int],
    container: str,
    codec: str | None = None,
    crf: int | None = None,
    allow_loss: bool = False,
) -> Encoding:
    """Choose the encoding of a restored video: by default the codec and pixel format of its source.

    Args:
        facts: the properties of the source.
        size: width and height of the restored frames.
        container: FFmpeg's name of the container of the result.
        codec: another codec or encoder, such as ``h264`` or ``libx264``.
        crf: constant quality, 0 the best; default: a quality whose loss is hardly visible.
        allow_loss: whether transparency may be lost.

    Raises:
        UsageError: there is no such codec, or ``crf`` does not suit it.
        ImageError: the source's codec has no encoder, or the encoder does not support the frames.
    """
    av = require("av")
    if codec is None:
        wanted = _ENCODERS.get(facts.codec, _Encoder(facts.codec))
    else:
        wanted = find_encoder(codec)
    try:
        made = av.codec.Codec(wanted.name, "w")
    except ValueError:  # this build of PyAV lacks the encoder
        raise _missing_encoder(codec, facts, wanted.name) from None
    if made.type != "video":
        raise UsageError(f"codec={codec!r} is not a video codec: choose one such as 'h264'.")
    options = dict(wanted.options)
    if wanted.on_avx512 and _has_avx512():
        options.update(wanted.on_avx512)
    if wanted.quality is None:
        if crf is not None:
            raise UsageError(f"crf={crf} does not suit {wanted.name}: leave it out.")
    else:
        check_whole_number("crf", crf, 0, wanted.worst, optional=True)
        quality = wanted.quality if crf is None else crf
        if wanted.scale == "qscale":
            options.update(flags="+qscale", global_quality=str(_LAMBDA * max(1, quality)))
        else:
            options[wanted.scale] = str(quality)
    if wanted.name == "libx265" and min(size) < _SMALL:
        raise ImageError(
            f"{wanted.name} needs frames of {_SMALL} x {_SMALL} pixels or more: choose another "
            "one with codec="
        )
    if wanted.name == "libsvtav1":  # keep it from printing its settings
        os.environ.setdefault("SVT_LOG", "1")
    source = av.VideoFormat(facts.pixel_format)
    if any(part.is_alpha for part in source.components) and not allow_loss:
        raise ImageError(
            "its transparency would be lost: allow_loss=True restores the video without it"
        )
    pixel_format, warnings = _pixel_format(made, source, size, facts)
    aspect = facts.aspect
    if aspect is not None and facts.orientation.transposed:
        aspect = 1 / aspect
    return Encoding(
        codec=made.canonical_name,
        encoder=made.name,
        options=options,
        pixel_format=pixel_format,
        size=size,
        rate=_rate(made, facts.rate),
        aspect=aspect,
        colour=_encoded_colour(facts.colour, source, pixel_format),
        part_container=_part_container(made),
        headers_apart=bool(
            av.ContainerFormat(container, "w").flags & av.format.Flags.global_header.value
        ),
        warnings=warnings,
    )


def _has_avx512() -> bool:
    """Whether the processor has the extension AVX-512."""
    import cv2

    return bool(cv2.checkHardwareSupport(_AVX512F))


class PartEncoder:
    """Encodes one part of a video: consecutive frames that depend on no frame before the part.

    Args:
        file: empty and open for writing; gets the part in ``encoding.part_container``.
        encoding: how the frames are encoded.

    Raises:
        ImageError: the encoder does not support such frames.
    """

    def __init__(self, file: BinaryIO, encoding: Encoding):
        av = require("av")
        self._errors = av.error.FFmpegError
        self._encoding = encoding
        self._to_frame = PixelWriter(encoding.colour, encoding.pixel_format)
        self._frames = 0
        self._order: list[int] = []
        self._time_base = 1 / encoding.rate
        self._container = av.open(file, "w", format=encoding.part_container)
        self._stream = stream_for(self._container, encoding)
        try:
            with kept_priority():
                self._container.start_encoding()
        except (self._errors, ValueError) as error:
            raise ImageError(
                f"{encoding.encoder} cannot encode frames of {encoding.size[0]} x "
                f"{encoding.size[1]} pixels as {encoding.pixel_format} ({error}): choose another "
                "one with codec="
            ) from None

    def add(self, pixels: np.ndarray) -> None:
        """Encode the next frame, [H, W, 3] uint8 or uint16."""
        frame = self._to_frame(pixels)
        # Frame numbers replace times, as encoders differ in the times that they accept.
        frame.pts, frame.time_base = self._frames, self._time_base
        self._frames += 1
        self._write(self._stream.encode(frame))

    def finish(self) -> list[int]:
        """End the part.

        Returns:
            The numbers of the frames, from 0, in the order in which the file stores them.

        Raises:
            ImageError: the encoder has lost a frame.
        """
        self._write(self._stream.encode(None))
        self._container.close()
        if sorted(self._order) != list(range(self._frames)):
            raise ImageError(f"{self._encoding.encoder} has not encoded every frame")
        return self._order

    def close(self) -> None:
        """Close the container, also in the middle of a part, whose file is then useless."""
        with contextlib.suppress(self._errors, OSError, ValueError):
            self._container.close()

    def _write(self, packets: Any) -> None:
        for packet in packets:
            self._order.append(round(packet.pts * packet.time_base / self._time_base))
            self._container.mux(packet)


def stream_for(container: Any, encoding: Encoding) -> Any:
    """Add a stream with an encoder to a container that is open for writing."""
    stream = container.add_stream(
        encoding.encoder, rate=encoding.rate, options=dict(encoding.options)
    )
    context = stream.codec_context
    context.width, context.height = encoding.size
    context.pix_fmt = encoding.pixel_format
    context.time_base = 1 / encoding.rate
    context.thread_count = 0  # as many as there are cores
    set_appearance(context, encoding)
    if not encoding.headers_apart:
        context.flags &= ~int(require("av").codec.context.Flags.global_header)
    return stream


def set_appearance(context: Any, encoding: Encoding) -> None:
    """Set the pixel aspect and the colours of an encoder, or of a stream that is copied."""
    if encoding.aspect is not None:
        context.sample_aspect_ratio = encoding.aspect
    colour = encoding.colour
    context.color_range, context.colorspace = colour.range, colour.matrix
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer


def find_encoder(codec: str) -> _Encoder:
    """Find an encoder by the name of its codec or its own name, in upper or lower case.

    Raises:
        UsageError: nothing has this name; the message suggests the nearest one.
    """
    name = codec.lower()
    if name in _ENCODERS:
        return _ENCODERS[name]
    for known in _ENCODERS.values():
        if name == known.name:
            return known
    raise UsageError(f"codec={codec!r}: {did_you_mean(name, _ENCODERS)}")


def _part_container(encoder: Any) -> str:
    for name in _PART_CONTAINERS:
        container = require("av").open(io.BytesIO(), "w", format=name)
        if encoder.canonical_name in container.supported_codecs:
            return name
    raise ImageError(
        f"{encoder.canonical_name} cannot be stored in parts: choose another one with codec="
    )


def _missing_encoder(codec: str | None, facts: ClipFacts, encoder: str) -> Exception:
    if codec is not None:
        return UsageError(
            f"codec={codec!r} needs the encoder {encoder}, which this build of PyAV lacks: choose "
            "another codec."
        )
    return ImageError(
        f"its codec {facts.codec} has no encoder: choose another one, such as codec='h264', and "
        "an output such as clip.mkv"
    )


def _pixel_format(
    encoder: Any, source: Any, size: tuple[int, int], facts: ClipFacts
) -> tuple[str, tuple[str, ...]]:
    """The encoder's pixel format that is nearest to the source's, and warnings."""
    av = require("av")
    # yuvj420p is an old name of yuv420p in the full range.
    wanted = source.name.replace("yuvj", "yuv")
    offered = [f.name for f in encoder.video_formats or []]
    names = [n for n in offered if "yuvj" not in n and not _has_alpha(n)] or offered or [wanted]
    warnings: tuple[str, ...] = ()
    odd = size[0] % 2 or size[1] % 2
    if odd and encoder.name in ("libx264", "libx265"):  # 4:2:0 needs even sizes
        names = [n for n in names if "444" in n or n.startswith(("gbrp", "gray"))]
        if source.chroma_width(2) < 2 or source.chroma_height(2) < 2:
            warnings += (
                f"the result's size {size[0]} x {size[1]} is odd, so its pixel format is 4:4:4, "
                "which some players do not support",
            )
    if wanted in names:
        return wanted, warnings
    best, _ = av.codec.find_best_pix_fmt_of_list(names, wanted)
    if best is None:
        raise ImageError(f"{encoder.name} has no pixel format for {facts.pixel_format}")
    if _depth(best.name) < facts.depth:
        warnings += (
            f"{encoder.name} stores {_depth(best.name)} bits per sample and the source has "
            f"{facts.depth}",
        )
    return best.name, warnings


def _depth(name: str) -> int:
    return max(part.bits for part in require("av").VideoFormat(name).components)


def _has_alpha(name: str) -> bool:
    return any(part.is_alpha for part in require("av").VideoFormat(name).components)


def _encoded_colour(colour: Colour, source: Any, pixel_format: str) -> Colour:
    """The colours of the encoded frames, which may be RGB while the source is not, or the reverse.

    RGB has the full range and no matrix.
    """
    is_rgb = require("av").VideoFormat(pixel_format).is_rgb
    if is_rgb == source.is_rgb:
        return colour
    return replace(
        colour,
        matrix=0 if is_rgb else MATRIX_OF_CONVERSION[colour.conversion],
        range=2 if is_rgb else 1,
        full=is_rgb,
    )


def _rate(encoder: Any, rate: Fraction) -> Fraction:
    """The encoder's frame rate nearest to ``rate``; it affects only the encoder's rate control."""
    rates = [Fraction(known) for known in encoder.frame_rates or []]
    return min(rates, key=lambda known: abs(known - rate)) if rates else rate
