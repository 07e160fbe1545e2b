"""Proposed tasks for a picture whose degradation was detected, and better weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..apps.auto import task_against
from ..detection import Finding
from ..errors import UsageError
from ..inference import InferenceOptions
from ..networks import WeightsRecord, weights_records
from ..weights import find_record, loadable, stronger_than

# Smallest probability of a degradation that gets a proposal.
_LEAST = 0.05


@dataclass(frozen=True)
class Proposal:
    """A task that removes a detected degradation, with weights for it.

    Attributes:
        task: name of the task.
        degradation: the degradation that it removes.
        probability: probability of the degradation.
        weights: the weights to use.
        as_chosen: whether the weights are those of the visitor's network and model.
    """

    task: str
    degradation: str
    probability: float
    weights: WeightsRecord
    as_chosen: bool

    def to_dict(self) -> dict[str, Any]:
        """The proposal in the types of JSON; task, network and model are fields of the form."""
        return {
            "task": self.task,
            "degradation": self.degradation,
            "probability": round(self.probability, 3),
            **weights_fields(self.weights),
        }


def weights_fields(record: WeightsRecord) -> dict[str, Any]:
    """The fields of the form that choose weights, and the size of their download."""
    return {
        "network": record.network,
        "model": record.model,
        "megabytes": None if record.size is None else round(record.size / 1e6, 1),
        "embedded": record.resource is not None,
    }


def proposals(finding: Finding, options: InferenceOptions) -> tuple[Proposal, ...]:
    """Propose tasks against the detected degradations, the most probable one first.

    If the visitor's network and model have no weights for a task, other weights are proposed.

    Raises:
        UsageError: the chosen network cannot remove the most probable degradation.
    """
    found = []
    kinds = sorted(finding.probabilities.items(), key=lambda item: -item[1])
    for kind, probability in kinds:
        if not kind or (probability < _LEAST and kind != finding.degradation):
            continue
        try:
            task = task_against(kind, options.network).name
        except UsageError:
            if kind == finding.degradation:
                raise
            continue
        own = _own_weights(task, options)
        weights = own or next(iter(loadable(task)), None)
        if weights is not None:
            found.append(Proposal(task, kind, probability, weights, own is not None))
    return tuple(found)


def _own_weights(task: str, options: InferenceOptions) -> WeightsRecord | None:
    """The weights of the chosen network and model for a task, or None."""
    try:
        return find_record(options.model, task, options.network)
    except UsageError:
        return None


def weak_and_better(names: str) -> tuple[WeightsRecord, WeightsRecord | None] | None:
    """The first of the used weights that hardly help, and better weights if there are any.

    Args:
        names: catalogue names of the weights; those of several steps are joined by ``+``.

    Returns:
        None if no weights are weak.
    """
    used = names.split("+")
    for record in weights_records():
        if record.name in used and record.weakness:
            return record, stronger_than(record)
    return None
