"""Converting weights between Paddle's, PyTorch's and safetensors form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..networks.tasks import ALL_TASKS, normalise_task
from .formats import SUFFIXES, write_file
from .loading import Weights, load_weights


def convert(
    source: str,
    target: str | Path,
    task: str | None = None,
    half: bool = False,
    overwrite: bool = False,
    scale: int | None = None,
) -> Weights:
    """Read weights of any form and write them in the form of ``target``'s suffix.

    Args:
        source: whatever :func:`~ppgan_mpr.weights.load_weights` takes.
        target: ends in ``.pdparams``, ``.pth`` or ``.safetensors``.
        task: what the weights are for; kept in ``.safetensors``, as is the enlargement of
            weights for super-resolution. Default: what they tell.
        half: store float16, half the size (``.safetensors`` only).
        overwrite: replace an existing ``target``.
        scale: how many times weights for super-resolution enlarge, kept likewise.

    Returns:
        The weights as they were read.

    Raises:
        UsageError: an unknown suffix, an existing target, ``half`` with another form, a ``scale``
            that the task does not have or that contradicts the weights.
        WeightsError: see :func:`~ppgan_mpr.weights.load_weights`.
    """
    target = Path(target)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{target} does not end in {', '.join(SUFFIXES)}: choose one of these.")
    if half and target.suffix.lower() != ".safetensors":
        raise UsageError("Half precision is stored in .safetensors only: choose that suffix.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists: choose another name or pass --overwrite.")
    task = normalise_task(task, ALL_TASKS) if task else None
    weights = load_weights(source, task)
    task, told = task or weights.task, weights.hyperparameters.get("scale")
    if scale and task != "SuperResolution":
        raise UsageError(f"scale is {scale}, but {task} does not enlarge: leave it out.")
    if scale and told not in (None, scale):
        raise UsageError(f"scale is {scale}, but {source} enlarges {told} times: leave it out.")
    tensors = dict(weights.tensors)
    metadata = {"network": weights.network}
    if task:
        metadata["task"] = task
    if scale or told:
        metadata["scale"] = str(scale or told)
    if target.suffix.lower() == ".pth":
        tensors = {_torch_name(name): value for name, value in tensors.items()}
    if half:
        tensors = {name: value.astype(np.float16) for name, value in tensors.items()}
    write_file(target, tensors, metadata)
    return weights


def _torch_name(name: str) -> str:
    return f"{name[: -len('_weight')]}weight" if name.endswith("._weight") else name
