"""Loads weights for a task, from a file or by name."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..errors import WeightsError
from ..networks import WeightsRecord, find_task
from ..networks.spec import NetworkSpec
from .catalogue import record_of_name
from .published import read_published
from .reading import Weights, read_weights

logger = logging.getLogger(__name__)


def load_weights(
    source: str | os.PathLike[str] | WeightsRecord,
    task: str | None = None,
    progress: bool = True,
    preferred: Collection[NetworkSpec] = (),
) -> Weights:
    """Load weights from a file in any supported format, or by their name in the catalogue.

    Args:
        source: a file (published .pdparams, training checkpoint, PyTorch .pth,
            .safetensors), a catalogue name such as ``published:Deblurring``,
            ``published:SuperResolution:x4`` or ``lite:Denoising``, or a catalogue record.
            Published weights are downloaded on first use.
        task: the expected task; weights that state another one are refused.
        progress: show a bar while downloading.
        preferred: networks to choose if a file fits several.

    Raises:
        UsageError: the catalogue name or the task is unknown.
        DownloadError: published weights cannot be downloaded.
        WeightsError: the file is unreadable, unsafe or incomplete, or contains another
            network, shape or task.
    """
    wanted = find_task(task).name if task else None
    name = source.name if isinstance(source, WeightsRecord) else os.fspath(source)
    record = source if isinstance(source, WeightsRecord) else record_of_name(name)
    if record is None:
        weights = read_weights(Path(os.path.expanduser(name)), preferred=preferred)
    elif record.path:
        weights = read_weights(record.path, record)
    else:
        weights = read_published(record, progress)
    if wanted is None or weights.task == wanted:
        return weights
    known = weights.task if weights.task_stated else None
    check_task(weights.source, wanted, known, weights.task, weights.spec, weights.channels)
    scale = None if find_task(wanted).enlarges else 1
    return replace(weights, task=wanted, scale=weights.scale if weights.task is None else scale)


def check_task(
    name: str, wanted: str, stated: str | None, guess: str | None, spec: NetworkSpec, channels: int
) -> None:
    """Check that weights may be used for a task, and warn if they are likely for another one.

    Args:
        name: name of the weights, for messages.
        wanted: name of the task.
        stated: task that the weights state; it must be ``wanted``.
        guess: task of known weights of this size; it may differ from ``wanted``.
        spec: specification of their network.
        channels: number of input channels.

    Raises:
        WeightsError: they are for another task, or for another number of input channels.
    """
    if stated and stated != wanted:
        raise WeightsError(
            f"{name} holds weights for {stated}, but the requested task is {wanted}: choose the "
            f"task {stated} or other weights."
        )
    needed = find_task(wanted).channels
    if channels != needed:
        size = f" (like those of {guess})" if guess else ""
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
