"""Reads weights from files: finds them in checkpoints, and checks their content."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..networks import WeightsRecord, find_network, find_task, tasks
from ..networks.recognition import Recognised, recognise
from ..networks.spec import Hyperparameters, NetworkSpec
from .catalogue import record_of_file
from .fitting import check_tensors, set_weights
from .formats import NAME_TABLE, TORCH, read_file

# Keys under which training checkpoints (ours, PaddleGAN's, BasicSR's, …) store the network.
# Averaged weights come first, because training evaluates and releases these.
_NESTED = (
    "ema", "generator", "params_ema", "params", "state_dict", "model_state_dict", "model",
    "net_g", "network", "net",
)  # fmt: skip
_DEPTH = 4  # maximum nesting of such keys

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """Weights of one network, complete and with the right shapes.

    Attributes:
        network: name of the network.
        task: name of the task they were trained for, or None if it is unknown.
        task_stated: whether the file or the catalogue states the task. Otherwise it was deduced
            from the network's size, which weights for another task may have, too.
        scale: factor by which a picture is enlarged before it enters the network; 1 for tasks
            that do not enlarge, None if it is unknown.
        hyperparameters: the network's constructor arguments.
        tensors: name → float32 array: the complete state dict of the network.
        source: the file or the catalogue name that they come from.
        record: the catalogue's record, or None.
    """

    network: str
    task: str | None
    scale: int | None
    hyperparameters: Hyperparameters
    tensors: Mapping[str, np.ndarray] = field(repr=False)
    source: str
    record: WeightsRecord | None = field(default=None, repr=False)
    task_stated: bool = True

    @property
    def spec(self) -> NetworkSpec:
        """The specification of the network."""
        return find_network(self.network)

    @property
    def channels(self) -> int:
        """Number of channels of the network's input."""
        return self.spec.input_channels(self.hyperparameters)

    @property
    def local(self) -> bool:
        """Whether the weights are meant to run with the test-time local converter (TLC).

        Their record says so; without a record, the records of all known weights of this size do.
        """
        known = self.spec.records_of_size(self.hyperparameters)
        records = [self.record] if self.record else known
        return bool(records) and all(record.local for record in records)

    def build(self) -> Any:
        """Build the network as a ``paddle.nn.Layer`` with these weights, in evaluation mode."""
        network = self.spec.build(self.hyperparameters)
        set_weights(network, self.tensors, self.source)
        network.eval()
        return network


def read_weights(
    path: Path,
    record: WeightsRecord | None = None,
    preferred: Collection[NetworkSpec] = (),
) -> Weights:
    """Read weights from a file in any supported format.

    Args:
        path: the file.
        record: the catalogue's record of the file, which the content must fit.
        preferred: networks to choose if the file fits several and there is no record.

    Raises:
        WeightsError: the file is unreadable, unsafe or incomplete, or contains another network
            or size.
    """
    name = f"{record.name} ({path})" if record else str(path)
    if path.is_dir():
        raise WeightsError(f"{path} is a folder: name the weights file in it.")
    content, metadata = read_file(path)
    if record:
        preferred = (find_network(record.network),)
    flat = _flatten(content, name)
    torch = metadata.get("format") == TORCH["format"] or (False if "network" in metadata else None)
    found = recognise(flat, name, torch, preferred)
    spec, hyperparameters = found.spec, found.hyperparameters
    tensors = _complete(found, name)
    if found.ambiguous and path.suffix.lower() == ".safetensors":
        logger.warning(
            "%s does not say whether PyTorch or Paddle wrote it, and its matrices are square: they "
            "are read in Paddle's layout. If the results are wrong, write the file with the "
            "metadata {'format': 'pt'}.",
            name,
        )
    if record:
        _check_record(record, spec, hyperparameters, name)
    elif path.suffix.lower() == ".pth":
        record = record_of_file(path)
    task: str | None
    scale: int | None
    stated = True
    if record:
        task, scale, source = record.task, record.scale, record.name
        hyperparameters = {**hyperparameters, **record.hyperparameters}
    else:
        stated, source = metadata.get("task") in tasks(), str(path)
        task = metadata["task"] if stated else _task_of_size(spec, hyperparameters)
        scale = _scale_of(metadata, task)
    return Weights(spec.name, task, scale, hyperparameters, tensors, source, record, stated)


def _flatten(content: Any, name: str) -> dict[str, np.ndarray]:
    """Find the network's tensors in a checkpoint."""
    node = content
    for _ in range(_DEPTH):
        inner = (node.get(key) for key in _NESTED) if isinstance(node, dict) else ()
        node = next((value for value in inner if isinstance(value, dict)), node)
    if not isinstance(node, dict):
        raise WeightsError(f"{name} holds no state dict, so there are no weights in it.")
    flat = {}
    for key, value in node.items():
        if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
            value = value[1]  # paddle.save inside a container: (parameter name, array)
        if key != NAME_TABLE and isinstance(value, np.ndarray) and value.dtype.kind == "f":
            plain = re.sub(r"^(module\.)+", "", str(key))
            if plain in flat:
                raise WeightsError(
                    f"{name} holds {plain} twice, with and without the prefix 'module.'."
                )
            flat[plain] = value
    return flat


def _complete(found: Recognised, name: str) -> dict[str, np.ndarray]:
    """The network's state dict; raises WeightsError if tensors are missing or invalid."""
    spec, layout = found.spec, found.layout
    expected = layout.shapes
    check_tensors(found.tensors, expected, name, spec.name)
    tensors = {key: np.ascontiguousarray(found.tensors[key], np.float32) for key in expected}
    broken = next((key for key, value in tensors.items() if not np.isfinite(value).all()), None)
    if broken:
        raise WeightsError(f"{name} holds NaN or infinity in {broken}: its training diverged.")
    for key, original in layout.copies.items():
        # The network has one tensor for both names, so one of two values would be lost.
        if not np.array_equal(tensors[key], tensors[original]):
            raise WeightsError(
                f"{name} has different values in {original} and {key}, which are one and the "
                f"same parameter of {spec.name}."
            )
    return tensors


def _check_record(
    record: WeightsRecord, spec: NetworkSpec, found: Hyperparameters, name: str
) -> None:
    """Raise WeightsError unless the record has the same network and size."""
    expected = {key: value for key, value in record.hyperparameters.items() if key in found}
    if spec.name != record.network or any(found[key] != expected[key] for key in expected):
        size = find_network(record.network).describe(record.hyperparameters)
        raise WeightsError(
            f"{name} should be {record.network} with {size}, "
            f"found {spec.name} with {spec.describe(found)}."
        )


def _task_of_size(spec: NetworkSpec, hyperparameters: Hyperparameters) -> str | None:
    """The only task whose models have this size, or None."""
    if spec.output_channels(hyperparameters) != 3:
        return None  # it does not return photographs
    possible = spec.tasks_for(spec.input_channels(hyperparameters))
    if len(possible) == 1:
        return possible[0].name
    of_size = {record.task for record in spec.records_of_size(hyperparameters)}
    return of_size.pop() if len(of_size) == 1 else None


def _scale_of(metadata: Mapping[str, str], task: str | None) -> int | None:
    """The scale that the file states; 1 for tasks that do not enlarge, None if unknown."""
    if task is not None and not find_task(task).enlarges:
        return 1
    scale = metadata.get("scale", "")
    return int(scale) if scale.isdigit() else None
