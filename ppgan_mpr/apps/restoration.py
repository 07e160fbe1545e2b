"""Restores one picture after another, each from reading its file to writing its result."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import RestorationError
from ..imaging import Header, Photo, PhotoReader, prepare_writing
from ..imaging.memory_budget import Share
from ..imaging.reduce import reduced
from ..inference import Crop, InferenceOptions, TileUse
from ..inference.backends.allocation import is_allocation_failure
from .batch import StoppedError
from .loaded_network import LoadedNetwork, reserve_memory
from .manifest import FileState
from .network_input import blank_result, network_input
from .output_target import OutputTarget
from .outputs import permissions
from .pace import Pace
from .pixels import blank_stages, fill
from .remarks import unkept_warning, warnings_before
from .result import Result, ResultRecord
from .sources import Source
from .turn import Turn

logger = logging.getLogger(__name__)

# If a result has more bytes, the network releases its memory before the result is written, which
# takes several times as many bytes.
_LARGE = 1 << 27

#: Called with the source's name, the number of finished tiles and of all.
TileProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Given:
    """A source that has been read.

    Attributes:
        photo: the picture, reduced where the options limit its size; of two views the left one.
        crop: function that crops the network's input; see :func:`.network_input`.
        warnings: what the user should know about it.
    """

    photo: Photo
    crop: Crop
    warnings: tuple[str, ...]


@dataclass
class _Work:
    """A picture that is being restored.

    Attributes:
        source: the picture.
        result: its pixels are filled in.
        stages: outputs of the earlier stages; their pixels are filled in too.
        output: the file of the result; None where no file is written.
        stage_files: those of ``stages``.
        warnings: what the user should know about it.
        used: the tiles that it took.
    """

    source: Source
    result: Photo
    stages: tuple[Photo, ...]
    output: Path | None = None
    stage_files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    used: TileUse = field(default_factory=TileUse)


class _Stopwatch:
    """Measures the work on one picture; waiting for other pictures does not count.

    Args:
        memory: the picture's share, which says how long it has waited for memory.

    Attributes:
        waited: seconds that the picture has waited for the network.
    """

    def __init__(self, memory: Share):
        self.waited = 0.0
        self._memory, self._waited_before = memory, memory.waited
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of work so far."""
        waited = self.waited + self._memory.waited - self._waited_before
        return time.perf_counter() - self._started - waited


class Restoration:
    """Restores the pictures of one run. Several threads may share it.

    Args:
        network: restores the pixels.
        options: ``max_size``, ``strength`` and ``quality`` count here.
        reader: reads files, and shares the memory among pictures.
        pace: notes how fast the network computes.
        outputs: takes the results; None: they stay in memory.
        isolated: whether a file is decoded in a process of its own, see
            :meth:`~ppgan_mpr.imaging.PhotoReader.read`.
        tile_progress: see :class:`.predictor.Predictor`.
    """

    def __init__(
        self,
        network: LoadedNetwork,
        options: InferenceOptions,
        reader: PhotoReader,
        pace: Pace,
        outputs: OutputTarget | None = None,
        isolated: bool = False,
        tile_progress: TileProgress | None = None,
    ):
        self._network, self._options = network, options
        self._reader, self._pace = reader, pace
        self._outputs, self._isolated = outputs, isolated
        self._tile_progress = tile_progress

    @property
    def too_large(self) -> str:
        """The error of a picture for which the memory does not suffice."""
        device = self._network.restorers.device
        return f"it does not fit into the memory of {device}, even in small tiles"

    def process(self, source: Source, turn: Turn) -> Result:
        """Restore a picture. Any failure is in the result.

        Raises:
            StoppedError: the run is to stop.
        """
        try:
            return self.restore(source, turn)
        except StoppedError:
            raise
        except (RestorationError, OSError) as error:
            return self._failure(source, str(error))
        except Exception as error:  # a bug, here or in a backend, must not stop other pictures
            if is_allocation_failure(error):
                return self._failure(source, self.too_large)
            logger.debug("%s", source.name, exc_info=True)
            return self._failure(source, f"unexpected {type(error).__name__}: {error}")

    def restore(self, source: Source, turn: Turn) -> Result:
        """Restore a picture.

        Raises:
            StoppedError: the run is to stop.
            RestorationError, OSError: the picture cannot be read, restored or written.
            MemoryError: not even the smallest tile fits.
        """
        try:
            return self._restore(source, turn)
        finally:
            self._network.restorers.forget()

    def _restore(self, source: Source, turn: Turn) -> Result:
        turn.check()
        watch = _Stopwatch(turn.memory)
        finished = self._outputs.finished(source) if self._outputs else None
        if finished:
            return self._skipped(source, finished)
        files_before = self._outputs.note_files(source) if self._outputs else ()
        given = self._read(source, turn.memory)
        result = blank_result(given.photo, self._network.scale, _in_place(source))
        output = self._outputs.claim(source, result) if self._outputs else None
        if self._outputs and output and self._outputs.keeps(output):
            return self._skipped(source, output, result.size, given.warnings)
        work = self._begin(source, result, output, given.warnings)
        if output:
            prepare_writing(output)  # while the network is still being loaded, before long work
        self._fill(work, given.crop, turn, watch)
        del given  # frees memory that writing a large picture needs
        if not self._write(work):
            return self._skipped(source, work.output, result.size)
        record = self._list(self._record(work, watch.seconds), work, files_before)
        if work.output is not None and source.path is not None:
            return Result(record, None, source)
        return Result(record, source.like(result), source, tuple(map(source.like, work.stages)))

    def _read(self, source: Source, memory: Share) -> _Given:
        """Read a picture and its right view; waits until there is memory for their restoration."""
        memory.times = self._network.times_held(_in_place(source))
        photo = source.read(self._reader, self._isolated, memory, self._load_ahead)
        memory.decoded(photo.pixels.nbytes)
        right = None
        if source.right:
            right = source.right.read(self._reader, self._isolated, memory)
            memory.decoded(right.pixels.nbytes)
        full_size, max_size = photo.size, self._options.max_size
        if max_size:
            photo = reduced(photo, max_size)
            right = right and reduced(right, max_size)
        warnings = warnings_before(self._network.task, max_size, full_size, photo, right)
        return _Given(photo, network_input(photo, right, self._network.scale), warnings)

    def _load_ahead(self, header: Header) -> None:
        """Start loading the network while a file with this header is decoded.

        Decoding leaves the other cores idle. A picture that is going to be reduced may need far
        more memory for decoding than for its network, so then the network has to wait.
        """
        max_size = self._options.max_size
        if max_size is None or max(header.width, header.height) <= max_size:
            self._network.load_ahead(header.width, header.height)

    def _begin(
        self, source: Source, result: Photo, output: Path | None, warnings: tuple[str, ...]
    ) -> _Work:
        """Make room for the outputs of earlier stages, name their files, and gather warnings."""
        stages = blank_stages(result, self._network.earlier_stages)
        stage_files: tuple[Path, ...] = ()
        if self._outputs and output:
            warnings += self._outputs.remarks(output)
            stage_files = self._outputs.stages.claim(output, len(stages))
        warnings += unkept_warning(result, output, source.is_pillow)
        return _Work(source, result, stages, output, stage_files, warnings)

    def _fill(self, work: _Work, crop: Crop, turn: Turn, watch: _Stopwatch) -> None:
        """Wait for the network, and let it fill in the pixels."""
        moments: list[float] = []

        def progress(done: int, total: int) -> None:
            if done:
                moments.append(time.perf_counter())
            turn.check()
            if self._tile_progress:
                self._tile_progress(work.source.name, done, total)

        asked = time.perf_counter()
        with self._network.restorers.lend() as restorer:  # a CPU has one, which uses all cores
            watch.waited += time.perf_counter() - asked
            turn.check()
            moments.append(time.perf_counter())
            strength = self._options.strength
            fill(work.result, work.stages, restorer, crop, strength, progress, work.used)
            self._pace.note(math.prod(work.used.smallest), moments)
            if work.result.pixels.nbytes > _LARGE:
                restorer.release()
            reserve_memory(restorer, self._reader.budget)
        if work.used.warning:
            work.warnings += (work.used.warning,)

    def _write(self, work: _Work) -> bool:
        """Write the result and the outputs of earlier stages.

        Returns:
            Whether the result was written, or needs no file. False where another program has
            written it meanwhile.
        """
        if self._outputs is None or work.output is None:
            return True
        mode, quality = permissions(work.source), self._options.quality
        for stage, file in zip(work.stages, work.stage_files):
            self._outputs.stages.write(stage, file, mode=mode, quality=quality)
        written = self._outputs.write(work.source, work.result, work.output, quality)
        work.output = written or work.output
        return written is not None

    def _record(self, work: _Work, seconds: float) -> ResultRecord:
        """How a picture was restored."""
        tall, wide = work.used.smallest
        return replace(
            self._network.common_record,
            source=work.source.name,
            output=_text(work.output),
            stages=tuple(map(str, work.stage_files)),
            size=work.result.size,
            seconds=seconds,
            device=work.used.device,
            tiles=work.used.count,
            tile=(wide, tall),
            warnings=work.warnings,
            detected=work.source.detected,
        )

    def _list(
        self, record: ResultRecord, work: _Work, files_before: tuple[FileState, ...]
    ) -> ResultRecord:
        """List in the manifest how the output was made; returns the record with new warnings."""
        if self._outputs is None or work.output is None:
            return record
        more = self._outputs.list_made(record, work.output, work.source, files_before)
        return replace(record, warnings=record.warnings + more)

    def _skipped(
        self,
        source: Source,
        output: Path | None,
        size: tuple[int, int] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> Result:
        """The result of a picture whose output is there already and stays."""
        if self._outputs and output:
            warnings += self._outputs.remarks(output)
        record = replace(
            self._network.common_record,
            source=source.name,
            output=_text(output),
            size=size,
            skipped=True,
            warnings=warnings,
        )
        return Result(record, None, source)

    def _failure(self, source: Source, error: str) -> Result:
        record = replace(self._network.common_record, source=source.name, error=error)
        return Result(record, None, source)


def _in_place(source: Source) -> bool:
    """Whether the result may take the place of the picture's pixels in memory."""
    return source.path is not None  # a picture that was given in memory stays as it is


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
