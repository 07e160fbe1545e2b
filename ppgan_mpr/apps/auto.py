"""Chooses the task by looking at each picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..detection import Finding, detect
from ..errors import RestorationError, UsageError
from ..imaging import Photo, PhotoReader
from ..imaging.memory_budget import Share
from ..imaging.reader import OnHeader
from ..inference import InferenceOptions
from ..inference.backends import check_device
from ..networks import Task, networks, tasks
from .batch import Stop, StoppedError, process_in_order
from .destination import check_count, checked_path, is_file_name
from .earlier_findings import EarlierFindings
from .output_target import OutputTarget
from .plan import DRY_RUN, Plan, PlanRecord
from .predictor import Predictor
from .remarks import lack_of_weights, warn_of_failures
from .repeats import concurrent_pictures, restore_each
from .result import Result, ResultRecord, Results
from .source_search import expand
from .sources import Source, unique
from .turn import Turn

_TOO_LARGE = "it does not fit into memory"

#: Called with the source's name and the finding; returns the degradation to remove, or None.
Choose = Callable[[str, Finding], "str | None"]


class AutoPredictor:
    """Detects what each picture suffers from, and removes it.

    ``Result.record.detected`` holds the finding and its confidence. A picture is left alone
    (``Result.left_alone``) and has no output if nothing is found, if the finding is not certain,
    or if the chosen model has no weights to remove it. The predictor of a task is made when the
    first picture needs it.

    Args:
        output_path: pictures go to ``output_path/<task>/``; see
            :class:`~ppgan_mpr.apps.predictor.Predictor`.
        options: for all tasks; see :class:`~ppgan_mpr.InferenceOptions`.
        choose: asked about pictures whose finding is not certain; default: they are left alone.
        tile_progress, reader, dry_run: see :class:`~ppgan_mpr.apps.predictor.Predictor`.
        **changes: options by name.

    Raises:
        UsageError: an argument is invalid.
        TypeError: there is no such option.

    Example:
        >>> results = AutoPredictor(model='lite').run('holiday/')      # doctest: +SKIP
        >>> results[0].record.task, results[0].record.detected         # doctest: +SKIP
        ('Denoising', {'degradation': 'noise', 'confidence': 0.97, ...})
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        *,
        options: InferenceOptions | None = None,
        choose: Choose | None = None,
        tile_progress: Callable[[str, int, int], None] | None = None,
        reader: PhotoReader | None = None,
        dry_run: bool = False,
        **changes: Any,
    ):
        self.options = (options or InferenceOptions()).replace(**changes)
        self._devices = len(check_device(self.options))
        self.output_path = None if output_path is None else checked_path(output_path)
        self._choose = choose
        self._tile_progress = tile_progress
        self._dry_run = dry_run
        self._reader = reader or PhotoReader(self.options.limits)
        self._earlier: EarlierFindings | None = None
        if self.output_path is not None and self.options.existing == "skip":
            self._earlier = EarlierFindings(
                self.output_path, self.options.suffix, _tasks(self.options.network)
            )
        self._predictors: dict[str, Predictor | RestorationError] = {}
        self._lock = threading.Lock()

    @property
    def output_folder(self) -> Path | None:
        """The folder above those of the tasks; None where no files are written."""
        path = self.output_path
        return path.parent if path is not None and is_file_name(path) else path

    def restore(self, image: Any) -> Any:
        """Restore one picture and return it; it stays as it is if nothing certain is found.

        Args, Returns, Raises: see :meth:`ppgan_mpr.apps.predictor.Predictor.restore`. UsageError is
            also raised if the finding is certain, but no weights can remove it.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        sources = self._sources(image)
        if len(sources) != 1:
            raise UsageError(f"restore() takes one picture, not {len(sources)}: use run().")
        source = sources[0]
        photo = source.read(self._reader)
        finding = detect(photo)
        lack = self._lack(finding.degradation)
        if lack and finding.certain:
            raise UsageError(f"It looks like {finding}, but {lack}.")
        degradation = None if lack else self._decide(source, finding)
        if not degradation:
            return source.like(photo)
        seen = _Seen.of(source, self._detected(finding, True), photo=photo)
        return self._predictor(degradation).restore(seen)

    def run(self, images: Any) -> Results:
        """Restore pictures and report on each; see :meth:`.predictor.Predictor.run`."""
        results = Results(self.iterate(images))
        warn_of_failures(results)
        return results

    def iterate(self, images: Any, stop: threading.Event | None = None) -> Iterator[Result]:
        """Restore pictures in order; see :meth:`.predictor.Predictor.iterate`.

        Raises:
            UsageError: a path does not exist, or there are several pictures and one output file.
        """
        if self._dry_run:
            raise UsageError(DRY_RUN)
        sources = self._sources(images)
        # A person who is asked looks at one picture after another.
        jobs = 1 if self._choose else concurrent_pictures(self.options.jobs, self._devices)
        process = self.prepare(unique(sources))
        yield from restore_each(sources, process, jobs, stop, self._reader.budget)

    def prepare(
        self, sources: Sequence[Source], outputs_of: Callable[[str], OutputTarget] | None = None
    ) -> Callable[[Source, Turn], Result]:
        """See :meth:`.predictor.Predictor.prepare`."""
        check_count(self.output_path, len(sources))
        isolated = len(sources) > 1 or outputs_of is not None
        processes: dict[str, Callable[[Source, Turn], Result]] = {}

        def process_for(degradation: str) -> Callable[[Source, Turn], Result]:
            predictor = self._predictor(degradation)
            with self._lock:
                if degradation not in processes:
                    # Which of the files need this task is not known yet.
                    in_memory = [source for source in sources if source.path is None]
                    processes[degradation] = predictor.prepare(in_memory, outputs_of)
                return processes[degradation]

        def process(source: Source, turn: Turn) -> Result:
            turn.check()
            try:
                looked_at = self._look(source, isolated, turn.memory)
                if isinstance(looked_at, Result):
                    return looked_at
                degradation, seen = looked_at
                result = process_for(degradation)(seen, turn)
            except StoppedError:
                raise
            except (RestorationError, OSError) as error:
                return Result(ResultRecord(source.name, error=str(error)), None, source)
            except MemoryError:
                return Result(ResultRecord(source.name, error=_TOO_LARGE), None, source)
            record = replace(result.record, detected=seen.detected)
            return replace(result, record=record, origin=source)

        return process

    def _look(self, source: Source, isolated: bool, memory: Share) -> tuple[str, _Seen] | Result:
        """Find out what a picture suffers from.

        Returns:
            The degradation to remove, and the source with what was found. If the picture is left
            alone, its result.
        """
        earlier = self._earlier.find(source) if self._earlier else None
        if earlier and not self._lack(earlier["degradation"]):
            return earlier["degradation"], _Seen.of(source, earlier, isolated=isolated)
        photo = source.read(self._reader, isolated, memory)
        finding = detect(photo)
        lack = self._lack(finding.degradation)
        degradation = None if lack else self._decide(source, finding)
        detected = self._detected(finding, bool(degradation))
        if degradation:
            return degradation, _Seen.of(source, detected, photo=photo)
        warnings = (lack,) if lack else ()
        record = ResultRecord(source.name, size=photo.size, warnings=warnings, detected=detected)
        return Result(record, None, source)

    def release(self) -> None:
        """See :meth:`.predictor.Predictor.release`."""
        with self._lock:
            predictors = list(self._predictors.values())
        for predictor in predictors:
            if isinstance(predictor, Predictor):
                predictor.release()

    def plan(self, images: Any) -> Plan:
        """Choose the tasks of pictures, and find out what :meth:`run` would do with them.

        The pictures are read for this, but neither restored nor written.

        Args, Returns, Raises: see :meth:`.predictor.Predictor.plan`.
        """
        sources = unique(self._sources(images))
        check_count(self.output_path, len(sources))
        jobs = min(concurrent_pictures(self.options.jobs, self._devices), len(sources))
        chosen = list(process_in_order(sources, self._choose_task, jobs, Stop()))
        records = [record for record, _ in chosen]
        numbers: dict[str, list[int]] = {}  # of the pictures with each degradation
        for number, (_, degradation) in enumerate(chosen):
            if degradation:
                numbers.setdefault(degradation, []).append(number)
        plans = []
        for degradation, affected in numbers.items():
            plan = self._plan_against(degradation, [sources[number] for number in affected])
            plans.append(plan)
            for number, record in zip(affected, plan):
                records[number] = replace(record, detected=records[number].detected)
        together = Plan.joined(plans)
        return Plan(records, together.download, together.memory, together.devices)

    def _choose_task(self, source: Source, stop: Stop) -> tuple[PlanRecord, str]:
        """What is found in a picture, and the degradation that a run would remove, or ""."""
        try:
            with self._reader.budget.share(stop.check) as memory:
                looked_at = self._look(source, True, memory)
        except (RestorationError, OSError) as error:
            return PlanRecord(source.name, error=str(error)), ""
        except MemoryError:
            return PlanRecord(source.name, error=_TOO_LARGE), ""
        if not isinstance(looked_at, Result):
            degradation, seen = looked_at
            return PlanRecord(source.name, detected=seen.detected), degradation
        found = looked_at.record
        record = PlanRecord(
            source.name, size=found.size, warnings=found.warnings, detected=found.detected
        )
        return record, ""

    def _plan_against(self, degradation: str, sources: Sequence[Source]) -> Plan:
        """The plan for pictures that suffer from the same degradation."""
        try:
            return self._predictor(degradation).plan(sources)
        except RestorationError as error:
            return Plan(PlanRecord(source.name, error=str(error)) for source in sources)

    def _sources(self, images: Any) -> list[Source]:
        folder = None if self.output_path is None else self.output_folder
        return expand(images, self.options.recursive, folder)

    def _decide(self, source: Source, finding: Finding) -> str | None:
        """The degradation to remove, or none."""
        if not finding.degradation or finding.certain:
            return finding.degradation
        if self._choose is None:
            return None
        with self._lock:  # one question at a time
            return self._choose(source.name, finding)

    def _lack(self, degradation: str) -> str | None:
        """Why no weights for these options remove a degradation; None if some do."""
        if not degradation:
            return None
        task = next(iter(_against(degradation, self.options.network)), None)
        return lack_of_weights(degradation, task, self.options)

    def _predictor(self, degradation: str) -> Predictor:
        with self._lock:
            if degradation not in self._predictors:
                try:
                    self._predictors[degradation] = Predictor(
                        self.output_path,
                        task=task_against(degradation, self.options.network).name,
                        options=self.options,
                        tile_progress=self._tile_progress,
                        reader=self._reader,
                        dry_run=self._dry_run,
                    )
                except RestorationError as error:  # so that the next picture does not try again
                    self._predictors[degradation] = error
            found = self._predictors[degradation]
        if isinstance(found, RestorationError):
            raise found
        return found

    def _detected(self, finding: Finding, restored: bool) -> dict[str, Any]:
        """The record of a finding; see :class:`.result.ResultRecord`."""
        found = finding.degradation
        suitable = _against(found, self.options.network) or _against(found)
        return {
            **finding.to_dict(),
            "task": suitable[0].name if found else "",
            "doubtful": bool(found) and not (restored or finding.certain),
        }


def task_against(degradation: str, network: str | None = None) -> Task:
    """The first task that removes a degradation, of one network or of any.

    Raises:
        UsageError: the network has none.
    """
    suitable = _against(degradation, network)
    if not suitable:
        raise UsageError(f"network={network!r} removes no {degradation}: leave it out.")
    return suitable[0]


def _against(degradation: str, network: str | None = None) -> list[Task]:
    """The tasks that remove a degradation, of one network or of any."""
    return [
        task
        for spec in networks()
        if network is None or network.lower() in (spec.name.lower(), spec.title.lower())
        for task in spec.tasks
        if task.degradation == degradation
    ]


def _tasks(network: str | None) -> dict[str, str]:
    """Degradation → name of the task that removes it."""
    suitable = {
        task.degradation: _against(task.degradation, network)
        for task in tasks().values()
        if task.degradation
    }
    return {degradation: found[0].name for degradation, found in suitable.items() if found}


@dataclass(frozen=True, eq=False)
class _Seen(Source):
    """A source whose degradation is known, and perhaps its decoded picture.

    Attributes:
        photo: the decoded picture, for one use, as restoring overwrites its pixels. None: the
            file is read again.
        isolated: how to read it; see :meth:`Source.read`.
        original: the source itself, which has the same identity.
    """

    photo: Photo | None = None
    isolated: bool = True
    original: Source | None = None

    @classmethod
    def of(cls, source: Source, detected: Mapping[str, Any], **facts: Any) -> _Seen:
        return cls(**{**vars(source), "detected": detected, "original": source, **facts})

    @property
    def identity(self) -> Any:
        """The identity of the original source."""
        assert self.original is not None
        return self.original.identity

    def read(
        self,
        reader: PhotoReader,
        isolated: bool = True,
        memory: Share | None = None,
        on_header: OnHeader | None = None,
    ) -> Photo:
        """See :meth:`Source.read`."""
        return self.photo or super().read(reader, self.isolated, memory, on_header)
