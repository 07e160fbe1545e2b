"""Restores one job after another, and keeps predictors ready for the next jobs."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..apps.chain import ChainPredictor
from ..apps.predictor import Predictor
from ..apps.sources import Source
from ..detection import detect
from ..errors import RestorationError
from ..imaging import PhotoReader
from ..inference import InferenceOptions
from .job import CANCELLED, CLEAN, DONE, FAILED, UNDECIDED, Job, TimeLeft
from .messages import Message, error_message, picture_message
from .proposals import proposals

logger = logging.getLogger(__name__)

# Number of networks kept ready. Each takes several hundred megabytes; most visitors use the same.
_READY = 2

_Key = tuple[tuple[str, ...], InferenceOptions]


class Restoration:
    """Restores jobs, one at a time.

    Args:
        folder: the server's folder; results go to its sub-folder ``results``.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._predictors: OrderedDict[_Key, Predictor] = OrderedDict()
        self._reader: PhotoReader | None = None
        self._progress: Callable[[int, int], None] | None = None

    def run(self, job: Job) -> str:
        """Restore a picture, after detecting the task if it is ``auto``.

        Args:
            job: the job, whose finding, proposals, result and error are filled in.

        Returns:
            The final state. After a failure, ``job.error`` says why.
        """
        try:
            if not job.steps:
                undone = self._detect(job)
                if undone:
                    return undone
            return self._restore(job)
        except RestorationError as error:
            job.error = error_message(error)
        except MemoryError as error:
            job.error = picture_message(f"not fit into memory: {error}")
        except Exception as error:  # a bug fails this picture but does not stop the server
            logger.exception("a picture could not be restored")
            kind = type(error).__name__
            job.error = Message("unexpected", f"unexpected {kind}", {"kind": kind})
        job.error = self._without_paths(job, job.error)
        return FAILED

    def _detect(self, job: Job) -> str | None:
        """Detect the degradation and choose the task; returns a state if the work ends here."""
        photo = self._source(job).read(self._reader_for(job.options))
        job.finding = detect(photo)
        del photo  # frees memory; the restoration reads it again, perhaps minutes later
        if job.stop.is_set():
            return CANCELLED
        if not job.finding.degradation:
            return CLEAN
        job.proposals = proposals(job.finding, job.options)
        first = next(iter(job.proposals), None)
        able = first is not None and first.degradation == job.finding.degradation
        # Weights other than the visitor's choice are only proposed.
        if first and able and first.as_chosen and job.finding.certain:
            job.decided = first.task
            return None
        return UNDECIDED

    def _restore(self, job: Job) -> str:
        job.progress = TimeLeft(len(job.steps))
        self._progress = job.progress.note
        try:
            predictor = self._predictor(job.steps, job.options)
            result = next(iter(predictor.iterate([self._source(job)], job.stop)), None)
        finally:
            self._progress = None
        if result is None:
            return CANCELLED
        if job.finding is not None:
            detected = {**job.finding.to_dict(), "task": job.decided, "doubtful": False}
            result = replace(result, record=replace(result.record, detected=detected))
        job.result = result
        if result.error is not None:
            job.error = self._without_paths(job, picture_message(result.error))
            return FAILED
        return DONE

    def _source(self, job: Job) -> Source:
        right = Source(job.name, "picture", job.right) if job.right else None
        # Results go to results/<task>/<id>/picture_restoration.<ext>.
        return Source(job.name, "picture", job.upload, folder=Path(job.id), right=right)

    def _predictor(self, steps: tuple[str, ...], options: InferenceOptions) -> Predictor:
        key = steps, options
        if key not in self._predictors:
            while len(self._predictors) >= _READY:
                self._predictors.popitem(last=False)
            make = partial(ChainPredictor if len(steps) > 1 else Predictor, keep_manifest=False)
            self._predictors[key] = make(
                self._folder / "results",
                task=",".join(steps),
                options=options,
                tile_progress=self._note,
                reader=self._reader_for(options),
            )
        self._predictors.move_to_end(key)
        return self._predictors[key]

    def _reader_for(self, options: InferenceOptions) -> PhotoReader:
        if self._reader is None:  # all options share the server's limits
            self._reader = PhotoReader(options.limits, isolate_all=True)
        return self._reader

    def _note(self, _: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)

    def _without_paths(self, job: Job, message: Message) -> Message:
        """Replace paths in a message by the visitor's name of the picture."""
        text = message.text
        for path in (job.upload, job.right):
            if path is not None:
                text = text.replace(str(path), job.name)
        return replace(message, text=text.replace(str(self._folder), ""))
