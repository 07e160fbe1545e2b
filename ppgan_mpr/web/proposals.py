"""What a visitor can choose after a look at the picture, and better weights for a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..apps.auto import task_against
from ..detection import Finding
from ..errors import UsageError
from ..inference import InferenceOptions
from ..networks import WeightsRecord, weights_records
from ..weights import find_record, stronger_than
from ..weights.catalogue import MODELS

# Less probable degradations are not worth a button.
_LEAST = 0.05


@dataclass(frozen=True)
class Proposal:
    """A task that would remove what was found, with weights that can do it.

    Attributes:
        task: its name.
        degradation: what it removes.
        probability: of the degradation.
        weights: what would be used.
        as_chosen: whether these are the weights that the visitor's network and model mean.
    """

    task: str
    degradation: str
    probability: float
    weights: WeightsRecord
    as_chosen: bool

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of JSON's types; task, network and model are fields of the form."""
        return {
            "task": self.task,
            "degradation": self.degradation,
            "probability": round(self.probability, 3),
            **weights_fields(self.weights),
        }


def weights_fields(record: WeightsRecord) -> dict[str, Any]:
    """The fields of the form that name weights, and the size of their download."""
    return {
        "network": record.network,
        "model": record.model,
        "megabytes": None if record.size is None else round(record.size / 1e6, 1),
        "embedded": record.resource is not None,
    }


def offered_weights(task: str) -> list[WeightsRecord]:
    """The weights for a task that a visitor need not bring as a file."""
    return [
        record
        for record in weights_records()
        if record.task == task and record.model in MODELS and (record.url or record.resource)
    ]


def proposals(finding: Finding, options: InferenceOptions) -> tuple[Proposal, ...]:
    """Tasks against what was found, the most probable degradation first.

    Where the visitor's network and model have no weights for a task, others are proposed.

    Raises:
        UsageError: the network that was chosen removes nothing of it.
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
        weights = own or next(iter(offered_weights(task)), None)
        if weights is not None:
            found.append(Proposal(task, kind, probability, weights, own is not None))
    return tuple(found)


def _own_weights(task: str, options: InferenceOptions) -> WeightsRecord | None:
    """The weights that the options mean, if there are any for the task."""
    try:
        return find_record(options.model, task, options.network)
    except UsageError:
        return None


def weak_and_better(names: str) -> tuple[WeightsRecord, WeightsRecord | None] | None:
    """Of the weights in use, the first that hardly help, with others that do.

    Args:
        names: catalogue names, of several steps joined by ``+``.

    Returns:
        None where all help.
    """
    used = names.split("+")
    for record in weights_records():
        if record.name in used and record.weakness:
            return record, stronger_than(record)
    return None
