"""Restores a video: decoding, restoring and encoding overlap, and finished parts are kept."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..apps.batch import Stop, StoppedError
from ..apps.manifest import FileState
from ..apps.predictor import Predictor
from ..apps.result import ResultRecord
from ..errors import ImageError
from ..files import atomic_write
from ..inference.shared_statistics import SceneStatistics
from .background import Consumer, Prefetch
from .clip import ClipFacts, Frame, Problems, inspect, read_frames
from .destination import Destination, choose_destination, mode_of
from .encoding import Encoding, PartEncoder
from .muxing import Copied, unkept, write_video
from .parts import Part, Parts
from .preparation import check_predictor, how_to_write, record_of
from .scenes import SceneChanges

#: Called with the number of restored frames and the number of all frames (None if unknown).
Progress = Callable[[int, "int | None"], None]

_PART = 48  # frames in a part; an interruption loses at most as many
_REFERENCE, _PREVIOUS = "reference", "previous"  # names of arrays in the state of a scene

logger = logging.getLogger(__name__)


def restore_video(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    predictor: Predictor,
    *,
    codec: str | None = None,
    crf: int | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> ResultRecord:
    """Restore the frames of a video and write a video with everything else unchanged.

    Sound, subtitles, chapters, metadata and the times of the frames stay unchanged, and so do bit
    depth, colour range, primaries, transfer and matrix. A stated rotation is applied to the pixels.
    Networks use averages of features over the whole picture. All frames of a scene use those of its
    first frame, so that brightness does not flicker.

    Memory use does not depend on the length. Every 48 frames form a part, which is kept on the disk
    in a hidden folder beside the output. After an interruption of any kind, the same call
    continues after the last part and gives the same result. The output appears when it is
    complete; then the folder is removed.

    Args:
        source: the video.
        output: a file with the suffix of a video, which decides the container; or a folder, in
            which the result is ``<task>/<stem>_restoration<suffix>``.
        predictor: restores the frames. Its options ``strength``, ``max_size``, ``existing``,
            ``allow_loss`` and ``picture_limit`` apply to the video; ``output_path`` does not.
        codec: codec of the result (``h264``, ``hevc``, ``vp9``, ``av1``, ``ffv1``, …) or name of an
            encoder; default: the codec of the source.
        crf: constant quality of the encoder, 0 the best; default: a quality whose loss is hardly
            visible.
        progress: called after each frame, and before the first one if earlier work is continued.
        stop: setting it ends the restoration during the current frame; finished parts are kept.

    Returns:
        How the video was restored; ``skipped`` if an earlier output is kept. ``tiles`` is the
        number of tiles of one frame.

    Raises:
        UsageError: an option is invalid or does not suit videos.
        ImageError: the source cannot be read or restored; the output exists or cannot be written.
        StoppedError: ``stop`` was set; the message says how many frames are kept.
        MissingDependencyError: PyAV is not installed.

    Example:
        >>> predictor = Predictor(task='Denoising', model='lite')      # doctest: +SKIP
        >>> restore_video('clip.mp4', 'better.mp4', predictor).size    # doctest: +SKIP
        (1280, 720)
    """
    started = time.perf_counter()
    source, output = Path(source), Path(output)
    check_predictor(predictor)
    before = _state(source)
    facts = inspect(source, predictor.options.limits)
    record = record_of(source, predictor, codec, crf)
    place = choose_destination(source, output, predictor, record)
    record = replace(record, output=str(place.path), warnings=place.remarks)
    if place.keep:
        return replace(record, skipped=True)
    encoding, copied = how_to_write(source, place.path, facts, predictor, codec, crf)
    work = _Work(source, place, predictor, facts, encoding, copied, Stop(stop), progress)
    try:
        warnings = work.restore(before, record)
    finally:
        predictor.remember_pace()
    notes = work.notes
    record = replace(
        record,
        size=encoding.size,
        seconds=time.perf_counter() - started,
        tiles=notes.tiles,
        tile=notes.tile,
        device=notes.device or record.device,
        warnings=record.warnings + warnings,
    )
    more = place.list_made(record, source, before)
    return replace(record, warnings=record.warnings + more)


@dataclass
class _Notes:
    """Facts about the restored frames, stored with each part in JSON's types.

    Attributes:
        tiles, tile, device: how a frame was restored; see :class:`ResultRecord`.
        short: warning that memory was short for the planned tiles or batches, or None.
        scenes: number of scenes that have begun.
    """

    tiles: int = 0
    tile: tuple[int, int] | None = None
    device: str = ""
    short: str | None = None
    scenes: int = 0


@dataclass
class _Encoded:
    """The part that is being encoded."""

    encoder: PartEncoder
    file: BinaryIO
    times: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _End:
    """Marks the end of a part, with the state of the scene and the notes on the frames so far."""

    scene: dict[str, np.ndarray]
    notes: dict[str, Any]


class _Work:
    """The restoration of one video."""

    def __init__(
        self,
        source: Path,
        place: Destination,
        predictor: Predictor,
        facts: ClipFacts,
        encoding: Encoding,
        copied: Copied,
        stop: Stop,
        progress: Progress | None,
    ):
        self._source, self._place, self._predictor = source, place, predictor
        self._facts, self._stop, self._progress = facts, stop, progress
        self._encoding, self._copied = encoding, copied
        self._limits = predictor.options.limits
        self._problems = Problems()
        self._encoded: _Encoded | None = None
        self._open_part = ExitStack()  # closes the encoder and the file of the unfinished part
        self.notes = _Notes()

    def restore(self, before: FileState, record: ResultRecord) -> tuple[str, ...]:
        """Restore the frames and write the output; returns warnings."""
        with Parts(self._place.path, self._job(before, record)) as parts:
            self._parts = parts
            self._done = parts.frames
            if parts.finished:
                self._log_continuation()
                self.notes = _Notes(**parts.finished[-1].notes)
                self._report_progress()
            try:
                self._restore_frames()
            except StoppedError:
                raise StoppedError(self._kept("it was stopped")) from None
            except MemoryError:
                raise ImageError(
                    self._kept(f"frame {self._done + 1} does not fit into memory")
                ) from None
            except OSError as error:  # a full disk
                raise ImageError(self._kept(f"{error.strerror or error}")) from None
            if not parts.finished:
                raise ImageError("none of its frames can be decoded")
            last = parts.finished[-1]
            self._end_time = last.times[-1] + last.durations[-1]
            warnings = self._write()
            warnings += unkept(self._source, self._place.path, self._encoding, self._limits)
            parts.drop()
        return warnings + self._warnings()

    def _restore_frames(self) -> None:
        scene, changes = self._scene_so_far()
        frames = read_frames(
            self._source, self._facts, self._limits, self._problems, self._parts.frames
        )
        # After an error, the open part is closed when both threads have ended.
        with self._open_part, Consumer(self._encode) as encoder, Prefetch(frames) as decoded:
            in_part = 0
            for frame in decoded:
                self._stop.check()
                if changes.starts_with(frame.pixels):
                    scene = SceneStatistics()
                    self.notes.scenes += 1
                restored, used = self._predictor.restore_frame(
                    frame.pixels, scene, self._stop.check
                )
                tall, wide = used.smallest
                self.notes.tiles, self.notes.tile = used.count, (wide, tall)
                self.notes.device = used.device
                self.notes.short = used.warning or self.notes.short
                encoder.put(replace(frame, pixels=restored))
                in_part += 1
                self._done += 1
                self._report_progress()
                if in_part == _PART:
                    encoder.put(self._end(scene, changes))
                    in_part = 0
            if in_part:
                encoder.put(self._end(scene, changes))

    def _end(self, scene: SceneStatistics, changes: SceneChanges) -> _End:
        state = scene.to_arrays()
        assert changes.reference is not None and changes.previous is not None
        state.update({_REFERENCE: changes.reference, _PREVIOUS: changes.previous})
        return _End(state, dict(vars(self.notes)))

    def _scene_so_far(self) -> tuple[SceneStatistics, SceneChanges]:
        """The scene at the end of the finished parts."""
        state = self._parts.scene()
        changes = SceneChanges(state.get(_REFERENCE), state.get(_PREVIOUS))
        return SceneStatistics.from_arrays(state), changes

    def _encode(self, item: Frame | _End) -> None:
        """Encode a frame or finish a part; runs in another thread."""
        if isinstance(item, Frame):
            if self._encoded is None:
                file = self._open_part.enter_context(self._parts.writing())
                encoder = PartEncoder(file, self._encoding)
                self._open_part.callback(encoder.close)
                self._encoded = _Encoded(encoder, file)
            self._encoded.times.append(item.time)
            self._encoded.durations.append(item.duration)
            self._encoded.encoder.add(item.pixels)
            return
        part, self._encoded = self._encoded, None
        assert part is not None  # an end follows at least one frame
        order = part.encoder.finish()
        size = part.file.seek(0, os.SEEK_END)
        self._open_part.close()
        self._parts.add(Part(part.times, part.durations, order, size, item.notes), item.scene)

    def _write(self) -> tuple[str, ...]:
        path = self._place.path
        try:
            with atomic_write(path, not self._place.replace, mode_of(self._source)) as file:
                return write_video(
                    file,
                    self._source,
                    path,
                    self._facts,
                    self._encoding,
                    self._parts.finished,
                    self._parts.files(),
                    self._copied,
                    self._limits,
                )
        except FileExistsError:
            raise ImageError(
                self._kept(f"another program has written {path} meanwhile; it was left alone")
            ) from None
        except OSError as error:
            raise ImageError(self._kept(f"{path} cannot be written: {error}")) from None

    def _job(self, before: FileState, record: ResultRecord) -> dict[str, Any]:
        """Everything that must stay the same so that finished parts can be used again."""
        how = replace(record, source="", output=None, warnings=()).to_dict()
        state = before.with_digest(self._source)
        return {
            "source": {"bytes": state.bytes, "sha256": state.sha256},
            "how": how,
            "encoding": self._encoding.to_dict(),
            "part": _PART,
            "copied": self._copied.numbers,
        }

    def _kept(self, problem: str) -> str:
        if not self._parts.finished:
            return f"{problem}; no part was finished, so no frames are kept"
        return (
            f"{problem}; {self._parts.frames} restored frames are kept in {self._parts.folder}, "
            "and the same command continues after them"
        )

    def _log_continuation(self) -> None:
        name, done, total = self._source.name, self._done, self._facts.frames
        where = f"after frame {done}"
        if total is not None and done < total:
            where = f"at frame {done + 1} of {'' if self._facts.counted else 'about '}{total}"
        logger.info("%s continues %s", name, where)

    def _report_progress(self) -> None:
        if self._progress:
            self._progress(self._done, self._facts.frames)

    def _warnings(self) -> tuple[str, ...]:
        return tuple(self._remarks())

    def _remarks(self) -> Iterator[str]:
        yield from self._encoding.warnings
        yield from self._copied.warnings
        facts, problems = self._facts, self._problems
        if facts.hdr:
            yield (
                f"it is HDR ({facts.hdr}), but the network was trained on standard photographs: "
                "the result may be poor"
            )
        if facts.dropped:
            yield f"the result lacks {', '.join(facts.dropped)}"
        if facts.orientation.askew:
            yield "its rotation is not a multiple of 90 degrees and was not applied"
        yield from problems.warnings()
        if problems.cut_short or self._is_short():
            if facts.counted:
                read = f"{self._done} of {facts.frames} frames"
                yield f"the file ends early: only {read} could be read"
            else:
                few = "frame" if self._done == 1 else f"{self._done} frames"
                yield f"only the first {few} could be read; the file ends early"
        if self.notes.short:
            yield self.notes.short

    def _is_short(self) -> bool:
        """Whether the last frame ends clearly earlier than the file states."""
        expected = self._facts.seconds
        end = float(self._end_time * self._facts.time_base)
        return expected is not None and end < expected - max(0.5, expected / 50)


def _state(source: Path) -> FileState:
    try:
        return FileState.of(source, source.name)
    except OSError as error:
        raise ImageError(f"it cannot be read: {error.strerror or error}") from None
