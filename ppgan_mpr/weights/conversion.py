"""Conversion of weights between the file formats of Paddle, PyTorch and safetensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..checks import check_whole_number
from ..errors import UsageError
from ..networks import find_task
from ..networks.spec import Layout
from .formats import TORCH, check_writable_suffix, write_file
from .loading import load_weights
from .reading import Weights


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    task: str | None = None,
    half: bool = False,
    overwrite: bool = False,
    scale: int | None = None,
    torch_names: bool = False,
) -> Weights:
    """Read weights in any supported format and write them in the format of ``target``'s suffix.

    Args:
        source: anything that :func:`~ppgan_mpr.weights.load_weights` takes.
        target: a path that ends in ``.pdparams`` or ``.safetensors``.
        task: name of the weights' task, stored in ``.safetensors``. Default: as stated by the
            weights.
        half: store float16, half the size (``.safetensors`` only).
        overwrite: replace an existing ``target``.
        scale: factor of enlargement, 2 to 8, for weights of a task that enlarges
            (``.safetensors`` only). Default: as stated by the weights.
        torch_names: name and arrange the parameters as PyTorch does, for PyTorch code
            (``.safetensors`` only). This package reads such files, too.

    Returns:
        The weights as they were read.

    Raises:
        UsageError: the suffix is unknown, the target exists, the format does not support
            ``half``, ``scale`` or ``torch_names``, or ``scale`` is out of range or contradicts
            the task or the weights.
        WeightsError: see :func:`~ppgan_mpr.weights.load_weights`.
    """
    check_whole_number("scale", scale, 2, 8, optional=True)
    target = Path(target)
    check_writable_suffix(target)
    for option, value in (("half", half), ("torch_names", torch_names), ("scale", scale)):
        if value and target.suffix.lower() != ".safetensors":
            raise UsageError(f"{option}={value} is for .safetensors only: choose that suffix.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists: choose another name, or overwrite=True to replace it.")
    weights = load_weights(source, task)
    stated = bool(task or weights.task_stated or scale)  # a deduced task may be wrong
    task = find_task(task).name if task else weights.task
    scale = _scale(weights, task, scale)
    metadata = {"network": weights.network}
    if task and stated:
        metadata["task"] = task
    if scale and scale > 1:
        metadata["scale"] = str(scale)
    tensors = dict(weights.tensors)
    if torch_names:
        tensors = _as_torch(tensors, weights.spec.layout(weights.hyperparameters))
        metadata.update(TORCH)
    if half:
        tensors = {name: value.astype(np.float16) for name, value in tensors.items()}
    write_file(target, tensors, metadata)
    return weights


def _scale(weights: Weights, task: str | None, scale: int | None) -> int | None:
    if scale and (task is None or not find_task(task).enlarges):
        raise UsageError(
            f"scale={scale}, but {task} does not enlarge: leave it out."
            if task
            else f"scale={scale} needs a task that enlarges: give such a task, or leave scale= out."
        )
    if scale and weights.scale not in (None, scale):
        raise UsageError(
            f"scale={scale}, but {weights.source} enlarges {weights.scale} times: leave it out."
        )
    return scale or weights.scale


def _as_torch(tensors: Mapping[str, np.ndarray], layout: Layout) -> dict[str, np.ndarray]:
    """Tensors with PyTorch's names and layout."""
    return {
        layout.torch_names.get(name, name): (
            np.ascontiguousarray(value.T) if name in layout.transposed else value
        )
        for name, value in tensors.items()
    }
