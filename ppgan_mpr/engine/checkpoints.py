"""Training checkpoints: written atomically, and read without running code.

A checkpoint has PaddleGAN's layout (``{net: weights, optimizer: state, 'epoch': iteration}`` in a
pickle of plain arrays, numbers and strings), so that PaddleGAN and other readers of its files can
use the weights. In addition it has all that an exact continuation needs.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle

from ..errors import UsageError, WeightsError
from ..files import atomic_write, remove_leftovers
from ..weights.formats import read_file
from . import processes
from .step import DivergedError

if TYPE_CHECKING:
    from .run_state import RunState

logger = logging.getLogger(__name__)

_NUMBERED = re.compile(r"iter_(\d+)_(checkpoint|weight)\.pdparams")
KEEP = 2  # number of checkpoints to keep without snapshot_config.keep


class Checkpoints:
    """The checkpoints and weights in the folder of a run, which the first process writes.

    Args:
        folder: folder of the run; it is made when the first file is written.
        keep: number of checkpoints to keep. They contain the optimizer's state. Files of weights
            are a third or a quarter of the size and all stay, as with PaddleGAN.

    Attributes:
        folder: folder of the run; it may be set until training begins.
    """

    def __init__(self, folder: str | Path, keep: int = KEEP) -> None:
        self.folder, self.keep = Path(folder), keep
        self._saved = 0  # the newest saved iteration

    def path(self, iteration: int, kind: str = "checkpoint") -> Path:
        """The file of an iteration; ``kind`` is ``"checkpoint"`` or ``"weight"``."""
        return self.folder / f"iter_{iteration}_{kind}.pdparams"

    def begin(self, iteration: int) -> None:
        """Start after ``iteration``, which is saved already.

        Unfinished files of a process that was killed an hour ago or earlier are deleted.
        """
        self._saved = iteration
        if processes.is_first():
            remove_leftovers(self.folder)

    @contextmanager
    def saving(self, state: RunState) -> Iterator[None]:
        """Save the state at the end of the block, also after an error.

        Raises:
            DivergedError: the block raised it; the message also names the checkpoint.
        """
        try:
            yield
        except DivergedError as error:
            state.diverged = True
            self.save(state)
            raise DivergedError(
                f"{error} The last good weights are in {self.path(state.iteration)}."
            ) from None
        except Exception:
            self._rescue(state)
            raise
        if self._saved != state.iteration:
            self.save(state)

    def save(self, state: RunState) -> None:
        """Write the weights and the checkpoint of the current iteration.

        Raises:
            UsageError: they cannot be written.
        """
        if processes.is_first():
            write_state(self.path(state.iteration, "weight"), state.weights())
            write_state(self.path(state.iteration), state.state_dict())
            self._prune(state.iteration)
        self._saved = state.iteration

    def save_best(self, state: RunState) -> None:
        """Write ``best_weight.pdparams`` and ``best_checkpoint.pdparams``."""
        if not processes.is_first():
            return
        write_state(self.folder / "best_weight.pdparams", state.weights())
        write_state(self.folder / "best_checkpoint.pdparams", state.state_dict())

    def _rescue(self, state: RunState) -> None:
        """Save the state after an error, unless an update was only half done."""
        if state.iteration == self._saved:
            return
        if state.model.step.updating:
            newest = f": resume from the newest checkpoint in {self.folder}" if self._saved else ""
            logger.error("The error interrupted an update, so nothing can be saved%s", newest)
            return
        try:
            self.save(state)
        except UsageError as error:
            logger.error("%s", error)
        else:
            logger.error("Saved %s after an error", self.path(state.iteration))

    def _prune(self, iteration: int) -> None:
        """Delete all checkpoints except the newest ones up to the iteration just saved.

        Checkpoints with higher numbers exist when a run went back to an earlier checkpoint. They
        are deleted, too, so that ``resume='auto'`` does not continue from them.
        """
        found = sorted(_numbered(self.folder), reverse=True)
        kept = [path for number, path in found if number <= iteration][: self.keep]
        for _, path in found:
            if path not in kept:
                path.unlink()


def newest_checkpoint(output_dir: Path, run: str) -> Path | None:
    """Find the checkpoint from which a run of this configuration continues.

    It is the checkpoint of the highest iteration in the folder with the latest date in its name.
    The times of files are ignored, because copying a folder changes them.

    Files that cannot be read, or that contain the state of a diverged run, are skipped with a
    warning.

    Args:
        output_dir: the configured output folder, which has a sub-folder for each started run.
        run: name of the configuration; only folders of this name are searched.

    Returns:
        The path, or None if there is nothing to resume.
    """
    of_run = re.compile(re.escape(run) + r"(-\d{4}(?:-\d\d){4,5}(?:-\d+)?)?")
    found = []
    for folder in output_dir.glob(f"{run}*"):
        match = of_run.fullmatch(folder.name)
        if match:
            date = [int(digits) for digits in re.findall(r"\d+", match[1] or "")]
            found += [(date, *item) for item in _numbered(folder)]
    for *_, path in sorted(found, reverse=True):
        try:
            state = read_state(path)
        except WeightsError as error:
            logger.warning("Skipping a checkpoint: %s", error)
            continue
        if not _is_healthy(state):
            logger.warning("Skipping %s: the run had diverged", path)
            continue
        return path
    return None


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield iteration and path of each numbered checkpoint."""
    for path in folder.glob("iter_*_checkpoint.pdparams"):
        match = _NUMBERED.fullmatch(path.name)
        if match:
            yield int(match[1]), path


def _is_healthy(state: Mapping[str, Any]) -> bool:
    if (state.get("training") or {}).get("diverged"):
        return False
    return all(_is_finite(state.get(part)) for part in ("generator", "optim", "ema"))


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return not floating or bool(np.isfinite(value).all())


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested dicts of tensors, arrays, numbers and strings; on return they are on the disk.

    Raises:
        UsageError: the file cannot be written; an earlier file stays.
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
        WeightsError: the file is missing, damaged, unsafe, or not a training checkpoint.
    """
    state, _ = read_file(path)
    if not isinstance(state, dict) or "epoch" not in state:
        raise WeightsError(
            f"{path} is not a training checkpoint: start from its weights with load={str(path)!r}."
        )
    return state


def _plain(value: Any) -> Any:
    """Replace the tensors in nested dicts by arrays."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, paddle.Tensor):
        return value.numpy()
    return value
