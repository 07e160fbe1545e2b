"""Training checkpoints: atomic writes, and reading that runs no code.

A checkpoint has PaddleGAN's layout (``{net: weights, optimizer: state, 'epoch': iteration}``
in a pickle of plain arrays, numbers and strings), so that PaddleGAN and everything that
reads its files can take the weights from it, plus what an exact continuation needs.
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
KEEP = 2  # numbered checkpoints, unless snapshot_config.keep says otherwise


class Checkpoints:
    """The checkpoints and weights in the folder of a run, which the first process writes.

    Args:
        folder: made when the first file is written.
        keep: numbered checkpoints to keep, which hold the optimizer's state. Weights are a
            third or a quarter of the size, and all of them stay, as with PaddleGAN.

    Attributes:
        folder: may be set until training begins.
    """

    def __init__(self, folder: str | Path, keep: int = KEEP) -> None:
        self.folder, self.keep = Path(folder), keep
        self._saved = 0  # the newest iteration that needs no saving

    def path(self, iteration: int, kind: str = "checkpoint") -> Path:
        """The file of an iteration; ``kind`` is ``"checkpoint"`` or ``"weight"``."""
        return self.folder / f"iter_{iteration}_{kind}.pdparams"

    def begin(self, iteration: int) -> None:
        """Training begins after so many iterations, of which a checkpoint exists already.

        Unfinished files of a process that was killed an hour ago or earlier are deleted.
        """
        self._saved = iteration
        if processes.is_first():
            remove_leftovers(self.folder)

    @contextmanager
    def saving(self, state: RunState) -> Iterator[None]:
        """Save what was trained inside the block, however it ends.

        Raises:
            DivergedError: the block's, with the checkpoint from before.
        """
        try:
            yield
        except DivergedError as error:
            state.diverged = True
            self.save(state)
            raise DivergedError(
                f"{error} The weights from before are in {self.path(state.iteration)}."
            ) from None
        except Exception:
            self._rescue(state)
            raise
        if self._saved != state.iteration:
            self.save(state)

    def save(self, state: RunState) -> None:
        """Write the weights and the checkpoint of the present iteration.

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
        """Save what was trained before an error, if it can be saved."""
        if state.iteration == self._saved:
            return
        if state.model.step.updating:
            newest = f": resume from the newest checkpoint in {self.folder}" if self._saved else ""
            logger.error("The error is in the middle of an update, which cannot be saved%s", newest)
            return
        try:
            self.save(state)
        except UsageError as error:
            logger.error("%s", error)
        else:
            logger.error("Saved %s after an error", self.path(state.iteration))

    def _prune(self, iteration: int) -> None:
        """Keep the newest checkpoints up to the iteration that was just saved.

        Higher numbers are of a run that went back to an earlier checkpoint: it does not continue
        from them, and neither may ``resume='auto'``.
        """
        found = sorted(_numbered(self.folder), reverse=True)
        kept = [path for number, path in found if number <= iteration][: self.keep]
        for _, path in found:
            if path not in kept:
                path.unlink()


def newest_checkpoint(output_dir: Path, run: str) -> Path | None:
    """The checkpoint with which a run of this configuration continues.

    It is the one of the highest iteration in the folder with the latest date in its name. Times of
    files do not count, because copying a folder changes them.

    A file that cannot be read, or holds the state of a diverged run, is passed over with a
    warning for the one before it.

    Args:
        output_dir: the configured output folder, which holds one folder for each start.
        run: name of the configuration; only its own folders count.

    Returns:
        The path, or None where there is nothing to resume.
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
            logger.warning("Resuming from an earlier checkpoint: %s", error)
            continue
        if not _is_healthy(state):
            logger.warning("Resuming from an earlier checkpoint: in %s the run diverged", path)
            continue
        return path
    return None


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """Iteration and path of each numbered checkpoint."""
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


def _plain(value: Any) -> Any:
    """Nested dicts with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, paddle.Tensor):
        return value.numpy()
    return value
