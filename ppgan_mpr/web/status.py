"""The API's description of a job, in the types of JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..apps.task_names import is_auto
from ..inference.preparation import preparing
from .job import DONE, RUNNING, UNDECIDED, Job
from .messages import Message, warning_message
from .proposals import weak_and_better, weights_fields


def status(job: Job, position: int) -> dict[str, Any]:
    """Describe a job.

    Args:
        job: the job.
        position: number of pictures that are restored before it.
    """
    progress, restored = job.progress, job.state == DONE and job.result is not None
    left = progress.seconds_left if job.state == RUNNING else None
    answer: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "task": job.task,
        "state": job.state,
        "position": position,
        "step": progress.step,
        "steps": len(job.steps),
        "preparing": job.state == RUNNING and preparing(),
        "tiles_done": progress.done,
        "tiles": progress.total,
        "seconds_left": None if left is None else round(left, 1),
        "detected": None,
        "proposals": [],
        "warnings": [],
        "error": job.error.to_dict() if job.error else None,
        "record": None,
    }
    if job.finding is not None:
        answer["detected"] = {**job.finding.to_dict(), "certain": job.finding.certain}
    if job.state == UNDECIDED:
        answer["proposals"] = [proposal.to_dict() for proposal in job.proposals]
    if restored and job.result is not None:
        record = replace(job.result.record, source=job.name, output=job.download_name)
        answer["record"] = record.to_dict()
        answer["warnings"] = [message.to_dict() for message in _warnings(job)]
    return answer


def _warnings(job: Job) -> list[Message]:
    assert job.result is not None
    record = job.result.record
    warnings = [warning_message(text) for text in record.warnings]
    weak = weak_and_better(record.weights)
    if weak is not None:
        weights, better = weak
        parameters: dict[str, Any] = {
            "task": weights.task, "weights": weights.name, "better": None,
        }  # fmt: skip
        advice = ""
        if better is not None:
            parameters["better"] = fields = {"task": job.task, **weights_fields(better)}
            if is_auto(job.task):
                fields["task"] = weights.task
            once = ", which is downloaded once" if better.url else ""
            advice = f": choose network={better.network} and model={better.model}{once}"
        text = f"The weights {weights.name} {weights.weakness}{advice}."
        warnings.append(Message("weak_weights", text, parameters))
    return warnings
