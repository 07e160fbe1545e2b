"""From a file or a name to complete, checked weights."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..networks.recognition import Architecture, recognise
from ..networks.records import WeightsRecord, in_channels
from ..networks.tasks import ALL_TASKS, NETWORK_TASKS, normalise_task
from .catalogue import CATALOGUE, git_blob_of, record_of_file, record_of_name
from .download import cached_path, fetch
from .formats import NAME_TABLE, read_file

# Where training checkpoints keep the network: ours and PaddleGAN's, BasicSR's, everyone's.
# Averaged weights come first: they are what their run evaluated and released.
_NESTED = (
    "ema", "generator", "params_ema", "params", "state_dict", "model_state_dict", "model",
    "net_g", "network", "net",
)  # fmt: skip
_DEPTH = 4  # of such wrappings

logger = logging.getLogger("ppgan_mpr")


@dataclass(frozen=True)
class Weights:
    """Weights of one network, complete and of the right shapes.

    Attributes:
        network: class name in :mod:`ppgan_mpr.networks`.
        task: what they were trained for, or None where nothing tells.
        hyperparameters: arguments that build the network; among them ``scale``, where the
            weights are known to be for super-resolution.
        tensors: name → float32 array, exactly the network's state dict.
        source: the file or the catalogue name they come from.
        record: the catalogue's record, or None.
    """

    network: str
    task: str | None
    hyperparameters: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    source: str
    record: WeightsRecord | None = None

    def build(self):
        """The network as a ``paddle.nn.Layer`` holding these weights, in evaluation mode."""
        from ..networks.recognition import build

        network = build(self.network, self.hyperparameters)
        self.apply_to(network)
        network.eval()
        return network

    def apply_to(self, layer) -> None:
        """Put the weights into an existing ``paddle.nn.Layer``, all of them or none.

        Raises:
            WeightsError: the layer has other parameters or shapes.
        """
        expected = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
        _check(self.tensors, expected, self.source, type(layer).__name__)
        layer.set_state_dict(dict(self.tensors))


def load_weights(
    source: str | os.PathLike, task: str | None = None, progress: bool = True
) -> Weights:
    """Read weights of any known form.

    Args:
        source: a file (published .pdparams, training checkpoint, PyTorch .pth,
            .safetensors) or a catalogue name such as ``published:Deblurring``,
            ``published:SuperResolution:x4`` or ``lite:Denoising``. Published weights are
            downloaded on first use.
        task: refuse weights that are known to be for another task, or whose network is for
            others.
        progress: show a bar while downloading.

    Raises:
        UsageError: unknown catalogue name or task.
        DownloadError: published weights cannot be fetched.
        WeightsError: unreadable, unsafe, incomplete, or of another network, shape or task.
    """
    task = normalise_task(task, ALL_TASKS) if task else None
    record = record_of_name(os.fspath(source))
    if record is None:
        weights = _read(Path(os.path.expanduser(source)))
    else:
        weights = _read(record.path, record) if record.path else _read_published(record, progress)
    if task and weights.task and weights.task != task:
        raise WeightsError(
            f"{weights.source} holds weights for {weights.task} "
            f"({_widths(weights.hyperparameters)}), but the task asked for is {task}: "
            f"choose the task {weights.task} or other weights."
        )
    if task and task not in NETWORK_TASKS[weights.network]:
        raise WeightsError(
            f"{weights.source} holds weights of {weights.network}, which is not for {task}: choose "
            f"other weights or one of {', '.join(NETWORK_TASKS[weights.network])}."
        )
    return weights


def _read_published(record: WeightsRecord, progress: bool) -> Weights:
    """Weights from the cache, downloaded when they are not there or damaged."""

    def verified(path: Path) -> Weights:
        if record.git_blob and git_blob_of(path) != record.git_blob:
            raise WeightsError(
                f"git's id of its content is not the expected {record.git_blob}: it arrived "
                "damaged, or another file has taken its place."
            )
        return _read(path, record)

    path = cached_path(record)
    if path.exists():
        try:
            return verified(path)
        except WeightsError as error:
            # Not deleted: somebody may have put it there by hand.
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            logger.warning("%s (It is now %s.)", error, aside)
    return _read(fetch(record, verified, progress), record)


def _read(path: Path, record: WeightsRecord | None = None) -> Weights:
    name = f"{record.name} ({path})" if record else str(path)
    if path.is_dir():
        raise WeightsError(f"{path} is a folder: name the weights file in it.")
    content, metadata = read_file(path)
    flat = _flatten(content, name)
    architecture, hyperparameters = recognise(flat, name)
    tensors = _complete(flat, architecture, hyperparameters, name)
    if record:
        _check_record(record, architecture, hyperparameters, name)
    elif path.suffix.lower() == ".pth":
        record = record_of_file(path)
    task = record.task if record else _task_of(metadata, architecture, hyperparameters)
    if record:
        hyperparameters = {**hyperparameters, **record.hyperparameters}
    elif metadata.get("scale", "").isdigit():
        hyperparameters = {**hyperparameters, "scale": int(metadata["scale"])}
    source = record.name if record else str(path)
    return Weights(architecture.name, task, hyperparameters, tensors, source, record)


def _flatten(content: Any, name: str) -> dict[str, np.ndarray]:
    """The network's tensors inside whatever a checkpoint wraps them in."""
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
                raise WeightsError(f"{name} holds {plain} twice, with and without module.")
            flat[plain] = value
    return flat


def _complete(
    flat: Mapping[str, np.ndarray],
    architecture: Architecture,
    hyperparameters: Mapping[str, Any],
    name: str,
) -> dict[str, np.ndarray]:
    """The tensors under the network's own names, checked against its shapes."""
    layout = architecture.layout(hyperparameters)
    expected = layout.shapes
    renamed = {}
    for key, value in flat.items():
        # PReLU's slope is `weight` in PyTorch and `_weight` in Paddle.
        stem, _, last = key.rpartition(".")
        paddle_key = f"{stem}._weight"
        own = paddle_key if last == "weight" and paddle_key in expected else key
        renamed[own] = value
    _check(renamed, expected, name, architecture.name)
    tensors = {key: np.ascontiguousarray(renamed[key], np.float32) for key in expected}
    broken = next((key for key, value in tensors.items() if not np.isfinite(value).all()), None)
    if broken:
        raise WeightsError(f"{name} holds NaN or infinity in {broken}: its training diverged.")
    for key, original in layout.copies.items():
        # The network has one tensor for both; differing values would be lost silently.
        if not np.array_equal(tensors[key], tensors[original]):
            raise WeightsError(
                f"{name} has different values in {original} and {key}, which are one and the "
                f"same parameter of {architecture.name}."
            )
    return tensors


def _check(tensors: Mapping[str, Any], expected: Mapping[str, tuple], name: str, network: str):
    missing = [key for key in expected if key not in tensors]
    extra = [key for key in tensors if key not in expected]
    if missing or extra:
        found = [f"{len(missing)} missing ({missing[0]}, …)"] if missing else []
        found += [f"{len(extra)} unknown ({extra[0]}, …)"] if extra else []
        raise WeightsError(
            f"{name} does not fit {network}: of {len(expected)} tensors {' and '.join(found)}."
        )
    for key, shape in expected.items():
        if tuple(tensors[key].shape) != tuple(shape):
            raise WeightsError(
                f"{name} does not fit {network}: {key} has shape {list(tensors[key].shape)}, "
                f"expected {list(shape)}."
            )


def _check_record(
    record: WeightsRecord, architecture: Architecture, found: Mapping[str, Any], name: str
) -> None:
    told = {key: value for key, value in record.hyperparameters.items() if key in found}
    if architecture.name != record.network or any(found[key] != told[key] for key in told):
        raise WeightsError(
            f"{name} should be {record.network} with {_widths(record.hyperparameters)}, "
            f"found {architecture.name} with {_widths(found)}."
        )


# The arguments that tell a network's size, for messages.
_WIDTHS = ("inp_channels", "n_feat", "scale_unetfeats", "scale_orsnetfeats", "num_cab",
           "n_RRG", "n_MSRB", "chan_factor", "n_MRB")  # fmt: skip


def _widths(hyperparameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {hyperparameters[key]}" for key in _WIDTHS if key in hyperparameters)


def _task_of(
    metadata: Mapping[str, str], architecture: Architecture, hyperparameters: Mapping[str, Any]
) -> str | None:
    """What the file says it is for, else the only task whose models have these widths."""
    if metadata.get("task") in ALL_TASKS:
        return metadata["task"]
    if in_channels(hyperparameters) == 6:  # two views, which one task alone has
        return "DualPixelDeblurring"
    tasks = {
        record.task
        for record in CATALOGUE
        if record.network == architecture.name
        and all(hyperparameters.get(k) == v for k, v in record.hyperparameters.items())
    }
    return tasks.pop() if len(tasks) == 1 else None
