"""Loading of weights from a file or by name, with checks that they are complete."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..networks import (
    WeightsRecord,
    find_network,
    find_task,
    spec_of,
    tasks,
    weights_records,
)
from ..networks.recognition import Recognised, recognise
from ..networks.spec import Hyperparameters, NetworkSpec, Shapes
from .catalogue import git_blob_of, record_of_file, record_of_name
from .digests import check_first_seen, digest_file
from .download import cached_path, fetch
from .formats import NAME_TABLE, TORCH, read_file

# Keys under which training checkpoints (ours, PaddleGAN's, BasicSR's, …) store the network.
# Averaged weights come first, because they are those that a run evaluates and releases.
_NESTED = (
    "ema", "generator", "params_ema", "params", "state_dict", "model_state_dict", "model",
    "net_g", "network", "net",
)  # fmt: skip
_DEPTH = 4  # maximum number of such keys inside each other

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """Weights of one network, complete and of the right shapes.

    Attributes:
        network: name of the network.
        task: name of the task they were trained for, or None if it is unknown.
        task_stated: whether the file or the catalogue states the task; otherwise it was deduced
            from the network's size, which weights for another task may share.
        scale: factor by which a picture is enlarged before it enters the network; 1 for tasks
            that do not enlarge, None if it is unknown.
        hyperparameters: the network's constructor arguments.
        tensors: name → float32 array, exactly the network's state dict.
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
        """Whether the weights are meant to run with TLC, as those known of their size are."""
        known = self.spec.records_of_size(self.hyperparameters)
        records = [self.record] if self.record else known
        return bool(records) and all(record.local for record in records)

    def build(self) -> Any:
        """Build the network as a ``paddle.nn.Layer`` with these weights, in evaluation mode."""
        network = self.spec.build(self.hyperparameters)
        set_weights(network, self.tensors, self.source)
        network.eval()
        return network


def set_weights(layer: Any, tensors: Mapping[str, Any], source: str) -> None:
    """Put weights into a ``paddle.nn.Layer``, all of them or none.

    Args:
        layer: the network.
        tensors: parameter name → array or tensor.
        source: their origin, for messages.

    Raises:
        WeightsError: the layer has other parameters or shapes.
    """
    expected = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    spec = spec_of(layer)
    if spec is not None:
        _check_network(tensors, spec, source)
        _check_size(tensors, expected, spec, source)
    _check(tensors, expected, source, type(layer).__name__)
    layer.set_state_dict(dict(tensors))


def _check_network(tensors: Mapping[str, Any], spec: NetworkSpec, source: str) -> None:
    """Raise WeightsError if the weights are of another network that is known."""
    try:
        found = recognise(tensors, source, preferred=(spec,))
    except WeightsError:  # of no known network, which the check of all names reports
        return
    if found.differences or found.spec.name == spec.name:
        return
    size = found.spec.describe(found.hyperparameters)
    advice = _advice(found.hyperparameters, found.spec, source) or "use its configuration"
    raise WeightsError(
        f"{source} holds weights of {found.spec.name}{f' with {size}' if size else ''}, and this "
        f"network is {spec.name}: {advice}, or other weights."
    )


def _check_size(
    tensors: Mapping[str, Any], expected: Shapes, spec: NetworkSpec, source: str
) -> None:
    """Raise WeightsError if the weights are of the same network in another size."""
    try:
        found = spec.deduce({key: tuple(value.shape) for key, value in tensors.items()})
    except Exception:  # another network's weights, which the check of all names reports
        return
    _compare_sizes(found, spec.deduce(expected), spec, source)


def check_record_fits(record: WeightsRecord, layer: Any) -> None:
    """Compare a catalogue record with a network, before its weights are downloaded.

    Args:
        record: the record of the weights.
        layer: a ``paddle.nn.Layer``; one without a :class:`NetworkSpec` fits everything.

    Raises:
        WeightsError: the record is of another network, or of the same in another size.
    """
    spec = spec_of(layer)
    if spec is None:
        return
    if record.network != spec.name:
        advice = f"use the configuration {record.config}" if record.config else "use that network"
        raise WeightsError(
            f"{record.name} holds weights of {record.network}, and this network is {spec.name}: "
            f"{advice}, or other weights."
        )
    wanted = spec.deduce({key: tuple(value.shape) for key, value in layer.state_dict().items()})
    found = {key: value for key, value in record.hyperparameters.items() if key in wanted}
    _compare_sizes(found, wanted, spec, record.name)


def _compare_sizes(
    found: Hyperparameters, wanted: Hyperparameters, spec: NetworkSpec, source: str
) -> None:
    """Raise WeightsError unless the weights have the hyperparameters of the network."""
    changed = {key: value for key, value in found.items() if wanted.get(key) != value}
    if not changed:
        return
    there = ", ".join(f"{key} {value}" for key, value in changed.items())
    here = ", ".join(f"{key} {wanted.get(key)}" for key in changed)
    raise WeightsError(
        f"{source} holds {spec.name} with {there}, and this network has {here}: "
        f"{_advice(found, spec, source) or 'use these values, or other weights'}."
    )


def _advice(found: Hyperparameters, spec: NetworkSpec, source: str) -> str:
    """Which configuration to use for weights with these hyperparameters, or an empty text."""
    configs = {
        record.name: record.config
        for record in weights_records()
        if record.config
        and record.network == spec.name
        and all(found.get(key, value) == value for key, value in record.hyperparameters.items())
    }
    names = sorted({configs[source]} if source in configs else set(configs.values()))
    if not names:
        return ""
    return (
        "use one of the configurations " if names[1:] else "use the configuration "
    ) + ", ".join(names)


def load_weights(
    source: str | os.PathLike[str] | WeightsRecord,
    task: str | None = None,
    progress: bool = True,
    preferred: Collection[NetworkSpec] = (),
) -> Weights:
    """Load weights from a file of any supported format, or by their name in the catalogue.

    Args:
        source: a file (published .pdparams, training checkpoint, PyTorch .pth,
            .safetensors) or a catalogue name such as ``published:Deblurring``,
            ``published:SuperResolution:x4`` or ``lite:Denoising``, or its record. Published
            weights are downloaded on first use.
        task: the expected task; weights that state another one are refused.
        progress: show a bar while downloading.
        preferred: networks to choose where a file fits several.

    Raises:
        UsageError: unknown catalogue name or task.
        DownloadError: published weights cannot be downloaded.
        WeightsError: the file is unreadable, unsafe or incomplete, or contains another
            network, shape or task.
    """
    wanted = find_task(task).name if task else None
    name = source.name if isinstance(source, WeightsRecord) else os.fspath(source)
    record = source if isinstance(source, WeightsRecord) else record_of_name(name)
    if record is None:
        weights = _read(Path(os.path.expanduser(name)), preferred=preferred)
    elif record.path:
        weights = _read(record.path, record)
    else:
        weights = _read_published(record, progress)
    if wanted is None or weights.task == wanted:
        return weights
    known = weights.task if weights.task_stated else None
    check_task(weights.source, wanted, known, weights.task, weights.spec, weights.channels)
    scale = None if find_task(wanted).enlarges else 1
    return replace(weights, task=wanted, scale=weights.scale if weights.task is None else scale)


def check_task(
    name: str, wanted: str, stated: str | None, guess: str | None, spec: NetworkSpec, channels: int
) -> None:
    """See that weights may be used for a task; a warning says what speaks against it.

    Args:
        name: of the weights, for messages.
        wanted: name of the task.
        stated: name of the task that the weights state, which is binding.
        guess: name of the task that known weights of this size are for, which is not.
        spec: of their network.
        channels: of its input.

    Raises:
        WeightsError: they are for another task, or for inputs of other channels.
    """
    if stated and stated != wanted:
        raise WeightsError(
            f"{name} holds weights for {stated}, but the task asked for is {wanted}: choose the "
            f"task {stated} or other weights."
        )
    needed = find_task(wanted).channels
    if channels != needed:
        size = f" (that of {guess})" if guess else ""
        raise WeightsError(
            f"{name} holds weights for inputs with {channels} channel{'s' * (channels > 1)}{size}, "
            f"but {wanted} has {needed}: choose another task or other weights."
        )
    if guess not in (None, wanted):
        logger.warning(
            "%s is used for %s as asked, though it has the size of known weights for %s.",
            name,
            wanted,
            guess,
        )
    elif wanted not in spec.task_names:
        logger.warning(
            "%s is used for %s as asked, though %s is known for %s only.",
            name,
            wanted,
            spec.title,
            ", ".join(spec.task_names),
        )


def download_weights(record: WeightsRecord, home: Path, progress: bool = True) -> Path:
    """Download published weights into a folder, unless they are there already, and verify them.

    Args:
        record: of the weights, with a ``url``.
        home: the folder; laid out as ``PPGAN_MPR_HOME`` is.
        progress: show a bar while downloading.

    Returns:
        The path of the file.

    Raises:
        DownloadError: they cannot be downloaded, or the download is not the expected file.
        UsageError: ``PPGAN_MPR_MIRROR`` is not an https address.
        WeightsError: the file there is not the one that was first seen.
    """
    _read_published(record, progress, home)
    return cached_path(record, home)


def _read_published(record: WeightsRecord, progress: bool, home: Path | None = None) -> Weights:
    """Read weights from the cache; missing or damaged ones are downloaded first."""

    def verified(path: Path) -> Weights:
        if record.git_blob and git_blob_of(path) != record.git_blob:
            raise WeightsError(
                f"git's id of its content is not the expected {record.git_blob}: it arrived "
                "damaged, or another file has taken its place."
            )
        return _read(path, record)

    def verified_download(path: Path) -> None:
        verified(path)
        _check_pinned(path, record, home)

    path = cached_path(record, home)
    if path.exists():
        try:
            weights = verified(path)
        except WeightsError as error:
            # Renamed rather than deleted, because a user may have put it there by hand.
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            logger.warning("%s (It is now %s.)", error, aside)
        else:
            _check_pinned(path, record, home)
            return weights
    return _read(fetch(record, verified_download, progress, home), record)


def _check_pinned(path: Path, record: WeightsRecord, home: Path | None) -> None:
    """Compare a file whose digest is not published with the one first seen; record the first.

    Raises:
        WeightsError: the file has changed since.
    """
    if record.git_blob or record.sha256 or record.url is None:
        return
    check = check_first_seen(digest_file(path), cached_path(record, home), record.url)
    if not check.passed:
        raise WeightsError(check.explanation)


def _read(
    path: Path,
    record: WeightsRecord | None = None,
    preferred: Collection[NetworkSpec] = (),
) -> Weights:
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
            "are read as Paddle's. If the results are wrong, write the file with the metadata "
            "{'format': 'pt'}.",
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
    """The network's tensors, wherever a checkpoint stores them."""
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


def _complete(found: Recognised, name: str) -> dict[str, np.ndarray]:
    """The network's state dict; check that all tensors are there and can be used."""
    spec, layout = found.spec, found.layout
    expected = layout.shapes
    _check(found.tensors, expected, name, spec.name)
    tensors = {key: np.ascontiguousarray(found.tensors[key], np.float32) for key in expected}
    broken = next((key for key, value in tensors.items() if not np.isfinite(value).all()), None)
    if broken:
        raise WeightsError(f"{name} holds NaN or infinity in {broken}: its training diverged.")
    for key, original in layout.copies.items():
        # The network has one tensor for both, so one of two different values would be lost.
        if not np.array_equal(tensors[key], tensors[original]):
            raise WeightsError(
                f"{name} has different values in {original} and {key}, which are one and the "
                f"same parameter of {spec.name}."
            )
    return tensors


def _check(tensors: Mapping[str, Any], expected: Shapes, name: str, network: str) -> None:
    """Raise WeightsError unless names and shapes are exactly the expected ones."""
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
    record: WeightsRecord, spec: NetworkSpec, found: Hyperparameters, name: str
) -> None:
    """Raise WeightsError unless the network and its size are those of the record."""
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
