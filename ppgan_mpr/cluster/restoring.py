"""Restores the pictures of a bulk job in a process of its own.

A picture that crashes a library or takes all memory ends this process, but not its worker. The
process reads a :class:`.job.Job` and then pictures from stdin. It writes the results to stdout
in the order in which they are finished.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

from ..apps.auto import AutoPredictor
from ..apps.batch import Stop
from ..apps.choice import AnyPredictor, predictor_for
from ..apps.predictor import Predictor
from ..apps.result import ResultRecord
from ..apps.turn import Turn
from ..dependencies import cpu_count
from ..errors import RestorationError
from ..imaging import PhotoReader
from ..networks import tasks
from .frames import receive, send
from .items import Item
from .job import Job, WorkerFacts
from .picture_outputs import OutputFile, PictureOutputs, ReadPicture


class PictureRestorer:
    """Restores pictures in memory: bytes of a file → bytes of its outputs; threads may share it.

    Args:
        job: how pictures are restored.

    Raises:
        RestorationError: weights, backend or options cannot be used here.
    """

    def __init__(self, job: Job):
        self._job = job
        self._items: dict[str, Item] = {}
        self._files: defaultdict[str, list[OutputFile]] = defaultdict(list)
        self._reader = PhotoReader(job.options.limits)
        self._predictor = _predictor(job, self._reader)
        self._process = self._predictor.prepare(
            [],
            lambda task: PictureOutputs(task, job.options, job.output, self._items, self._files),
        )

    def restore(self, item: Item, content: bytes) -> tuple[ResultRecord, list[OutputFile]]:
        """Restore a picture; the record holds any error.

        Args:
            item: the picture.
            content: bytes of its file.
        """
        self._items[item.source] = item
        try:
            with self._reader.budget.share() as memory:
                result = self._process(ReadPicture.of(item, content), Turn(Stop(), memory))
        finally:
            del self._items[item.source]
            files = self._files.pop(item.source, [])
        record = result.record
        if not result.ok:
            return record, []
        shown = {f.name: self._job.output.shown_as(f.name) for f in files}
        if record.output is not None and not self._job.output.is_local:
            names = (record.output, *record.stages)
            output, *stages = (shown.get(n, self._job.output.shown_as(n)) for n in names)
            record = replace(record, output=output, stages=tuple(stages))
        return record, files

    def facts(self) -> WorkerFacts:
        """How this process computes."""
        chosen = _common_record(self._predictor, self._job)
        natural = replace(self._job, options=self._job.options.replace(precision="auto"))
        native = _common_record(_predictor(natural), natural).precision
        facts = WorkerFacts(
            chosen.backend,
            chosen.precision,
            chosen.device,
            chosen.threads,
            native,
            cpu_count(),
            versions=chosen.versions,
        )
        if isinstance(self._predictor, AutoPredictor):
            return facts
        return replace(
            facts,
            weights_digest=chosen.weights_digest,
            task=chosen.task,
            network=chosen.network,
            scale=chosen.scale,
            local=chosen.local,
        )


def _predictor(job: Job, reader: PhotoReader | None = None) -> AnyPredictor:
    return predictor_for(job.task, None, job.weight_path, options=job.options, reader=reader)


def _common_record(predictor: AnyPredictor, job: Job) -> ResultRecord:
    """The fields that all records share; for ``auto``, those of one of its tasks."""
    if isinstance(predictor, AutoPredictor):
        first = next(task for task in tasks().values() if task.degradation)
        predictor = Predictor(None, task=first.name, options=job.options)
    return predictor.common_record


class _Remarks(logging.Handler):
    """Log handler that collects warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def main() -> None:
    """Serve a worker until it closes stdin."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries must not print into the answers
    job: Job = receive(requests)
    remarks = _Remarks()
    logging.getLogger("ppgan_mpr").addHandler(remarks)
    try:
        restorer = PictureRestorer(job)
        facts = restorer.facts()
    except RestorationError as error:
        send(answers, str(error))
        return
    send(answers, replace(facts, remarks=tuple(dict.fromkeys(remarks.texts))))
    _serve(restorer, requests, answers, job.pictures_at_once)


def _serve(restorer: PictureRestorer, requests: BinaryIO, answers: BinaryIO, jobs: int) -> None:
    lock = threading.Lock()

    def handle(number: int, item: Item, content: bytes) -> None:
        answer: tuple[ResultRecord, list[OutputFile]]
        try:
            answer = restorer.restore(item, content)
        except Exception as error:  # without an answer, the worker would wait forever
            reason = f"unexpected {type(error).__name__}: {error}"
            answer = ResultRecord(item.source, error=reason), []
        with lock:
            send(answers, (number, *answer))

    pool = ThreadPoolExecutor(jobs)
    try:
        while True:
            pool.submit(handle, *receive(requests))
    except EOFError:
        os._exit(0)  # nobody needs the pictures that are still being restored
