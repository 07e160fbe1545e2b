"""Runs a worker's restoring process; if a picture crashes it, only this picture fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from ..apps.result import ResultRecord
from ..child_python import python_command
from ..errors import UsageError
from .frames import receive, send
from .items import Item
from .job import Job, WorkerFacts
from .picture_outputs import OutputFile

_START = f"from {__package__}.restoring import main; main()"
_END_SECONDS = 5.0


@dataclass(frozen=True)
class Request:
    """A picture to restore.

    Attributes:
        item: the picture.
        content: bytes of its file.
    """

    item: Item
    content: bytes


@dataclass(frozen=True)
class Answer:
    """The outcome for a picture.

    Attributes:
        item: the picture.
        record: how it was restored, or why not.
        files: the files to write.
    """

    item: Item
    record: ResultRecord
    files: list[OutputFile]


class RestoringProcess:
    """Restores pictures in another process, and starts it again if a picture crashes it.

    The pictures that were being restored when the process crashed are restored again one by one
    in a new process. If a picture crashes this one too, its record says so.

    Args:
        job: how pictures are restored, ``pictures_at_once`` of them concurrently.

    Raises:
        UsageError: the job cannot be done here.
    """

    def __init__(self, job: Job):
        self._job = job
        self._started: subprocess.Popen[bytes] | None = None
        self.facts = self._start()

    def restore(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Restore pictures and yield the answers in any order; only a few are held at a time."""
        waiting: dict[int, Request] = {}
        try:
            yield from self._answers_to(iter(requests), waiting)
        finally:
            if waiting:  # abandoned: the process would answer later requests with these pictures
                self.end()

    def _answers_to(
        self, remaining: Iterator[Request], waiting: dict[int, Request]
    ) -> Iterator[Answer]:
        """Answers to requests; ``waiting`` holds the requests that the process has received."""
        number = 0
        while True:
            alive = True
            # It is sent one more picture than it restores concurrently, so that it need not wait.
            while alive and len(waiting) <= self._job.pictures_at_once:
                request = next(remaining, None)
                if request is None:
                    break
                number += 1
                waiting[number] = request
                alive = self._send(number, request)
            if not waiting:
                return
            answer = self._receive() if alive else None
            if answer is None:
                self.end()
                suspects = list(waiting.values())
                waiting.clear()
                for request in suspects:
                    yield self._restore_alone(request)
                continue
            done, record, files = answer
            yield Answer(waiting.pop(done).item, record, files)

    def end(self) -> str:
        """End the process; returns in words how it ended."""
        process, self._started = self._started, None
        if process is None:
            return "did not start"
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            status = process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status < 0:
            with suppress(ValueError):
                return f"ended with {signal.Signals(-status).name}"
        return f"ended with exit code {status}"

    def _restore_alone(self, request: Request) -> Answer:
        """Restore a picture while no other is being restored."""
        answer = self._receive() if self._send(0, request) else None
        if answer is None:
            text = (
                "the process that restored it died, and so did a new one that restored it alone: "
                f"it {self.end()}"
            )
            return Answer(request.item, ResultRecord(request.item.source, error=text), [])
        _, record, files = answer
        return Answer(request.item, record, files)

    def _send(self, number: int, request: Request) -> bool:
        """Send a request; returns whether the process took it."""
        if self._started is None:
            self._start()
        try:
            send(self._requests, (number, request.item, request.content))
        except OSError:
            return False
        return True

    def _receive(self) -> tuple[int, ResultRecord, list[OutputFile]] | None:
        try:
            answer: tuple[int, ResultRecord, list[OutputFile]] = receive(self._answers)
        except (EOFError, OSError):
            return None
        return answer

    def _start(self) -> WorkerFacts:
        threads = self._job.options.threads
        self._started = subprocess.Popen(
            python_command(_START),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})},
        )
        with suppress(OSError):
            send(self._requests, self._job)
        try:
            facts = receive(self._answers)
        except (EOFError, OSError):
            raise UsageError(
                f"The process that restores pictures cannot be started: it {self.end()}."
            ) from None
        if isinstance(facts, str):
            self.end()
            raise UsageError(facts)
        found: WorkerFacts = facts
        return found

    @property
    def _requests(self) -> BinaryIO:
        assert self._started is not None and self._started.stdin is not None
        return self._started.stdin  # type: ignore[return-value] # Popen says IO[bytes]

    @property
    def _answers(self) -> BinaryIO:
        assert self._started is not None and self._started.stdout is not None
        return self._started.stdout  # type: ignore[return-value] # Popen says IO[bytes]
