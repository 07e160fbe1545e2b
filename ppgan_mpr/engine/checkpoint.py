"""Training checkpoints: atomic writes, and reading that runs no code.

A checkpoint has PaddleGAN's layout (``{net: weights, optimizer: state, 'epoch': iteration}``
in a pickle of plain arrays, numbers and strings), so that PaddleGAN and everything that
reads its files can take the weights from it, plus what an exact continuation needs.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from ..errors import UsageError, WeightsError
from ..files import atomic_write
from ..weights.formats import read_file

_NUMBERED = re.compile(r"iter_(\d+)_(checkpoint|weight)\.pdparams")
_MASTER_WEIGHTS = "master_weights"


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested dicts of tensors, arrays, numbers and strings; durable on return.

    Raises:
        UsageError: the file cannot be written; what was there before is still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            pickle.dump(_plain(state), file, protocol=2)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): free space there, or set another "
            "output_dir."
        ) from None


def read_state(path: Path) -> dict[str, Any]:
    """Read a training checkpoint.

    Raises:
        WeightsError: missing, damaged, unsafe, or not a training checkpoint.
    """
    state, _ = read_file(path)
    if not isinstance(state, dict) or "epoch" not in state:
        raise WeightsError(
            f"{path} is not a training checkpoint: start from its weights with load={str(path)!r}."
        )
    return state


def latest_checkpoint(folder: Path, run: str) -> Path:
    """The checkpoint of the most advanced run.

    Args:
        folder: the configured output folder, which holds one folder for each start.
        run: name of the configuration; only folders whose name begins with it count.

    Raises:
        UsageError: there is none.
    """
    found = [
        (path.stat().st_mtime, path)
        for path in folder.glob(f"{run}*/iter_*_checkpoint.pdparams")
        if _NUMBERED.fullmatch(path.name)
        and re.fullmatch(r"(-\d{4}(-\d\d){4,5}(-\d+)?)?", path.parent.name[len(run) :])
    ]
    if not found:
        raise UsageError(
            f"resume='auto' found no checkpoint in {folder / run}*: start a new run instead."
        )
    return max(found)[1]


def prune(folder: Path, kind: str, keep: int) -> None:
    """Delete all but the ``keep`` newest numbered files of a kind (checkpoint or weight).

    The newest are those written last: a run that went back to an early checkpoint leaves
    higher numbers behind.
    """
    numbered = sorted(
        (path.stat().st_mtime_ns, int(match[1]), path)
        for path in folder.iterdir()
        if (match := _NUMBERED.fullmatch(path.name)) and match[2] == kind
    )
    for *_, path in numbered[: max(len(numbered) - keep, 0)]:
        path.unlink()


def sweep(folder: Path) -> None:
    """Delete unfinished files of a run that was killed while it wrote."""
    for path in folder.glob(".*.tmp"):
        if re.fullmatch(r"\.[0-9a-f]{32}\.tmp", path.name):
            path.unlink()


def optimizer_state(
    optimizer: paddle.optimizer.Optimizer, network: paddle.nn.Layer
) -> dict[str, Any]:
    """An optimizer's state under the network's parameter names.

    Paddle names it after a counter of all layers that a process ever made; attribute paths
    mean the same in every process.
    """
    return _rename(optimizer.state_dict(), {p.name: n for n, p in network.named_parameters()})


def set_optimizer_state(
    optimizer: paddle.optimizer.Optimizer, network: paddle.nn.Layer, state: Mapping[str, Any]
) -> None:
    """Continue from a state of :func:`optimizer_state`."""
    state = _rename(state, {n: p.name for n, p in network.named_parameters()})
    optimizer.set_state_dict(_tensors(state))


def _rename(state: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Replace the parameter's name at the start of every key."""
    renamed = {}
    for key, value in state.items():
        if key == _MASTER_WEIGHTS:
            renamed[key] = {names[name]: weight for name, weight in value.items()}
            continue
        # The longest name wins: "conv.w_0" must not claim what belongs to "conv.w_0_1".
        parts = key.split("_")
        stems = ("_".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
        stem = next((stem for stem in stems if stem in names), None)
        renamed[names[stem] + key[len(stem) :] if stem else key] = value
    return renamed


def _plain(value: Any) -> Any:
    """Nested dicts with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, paddle.Tensor):
        return value.numpy()
    return value


def _tensors(value: Any) -> Any:
    """Nested dicts with tensors in place of arrays."""
    if isinstance(value, Mapping):
        return {key: _tensors(item) for key, item in value.items()}
    return paddle.to_tensor(value) if isinstance(value, np.ndarray) else value
