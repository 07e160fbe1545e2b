"""The environment of a Trainer: device, output folder, log, and checkpoint to resume from."""

from __future__ import annotations

import copy
import itertools
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from logging.handlers import MemoryHandler
from pathlib import Path

import paddle

from ..errors import UsageError
from ..ppgan_compat import import_ppgan
from . import processes
from .checkpoints import newest_checkpoint
from .config import AttrDict, differences, read_config, save_config
from .run_lock import LOCK_FILE, RunLock

logger = logging.getLogger(__name__)

_FILES_BEFORE_FIRST_SAVE = {LOCK_FILE, "log.txt", "config.yaml"}


def choose_device(no_cuda: bool = False) -> None:
    """Choose the GPU that the launcher assigned, or the CPU if there is no GPU."""
    gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    paddle.set_device("gpu" if gpu and not no_cuda else "cpu")


def find_checkpoint(resume: str, output_dir: str, run: str) -> Path | None:
    """Find the checkpoint to resume from.

    Args:
        resume: a file, or ``auto`` for the newest checkpoint of this configuration.
        output_dir: the configured output folder.
        run: name of the configuration.

    Returns:
        The path, or None if ``auto`` finds nothing and a new run begins.

    Raises:
        UsageError: there is no such file.
    """
    if resume == "auto":
        return newest_checkpoint(Path(output_dir), run)
    if not Path(resume).is_file():
        raise UsageError(f"resume={resume!r}: there is no such file.")
    return Path(resume)


def make_run_folder(output_dir: str, run: str) -> Path:
    """Make a new folder for a run, named after configuration and time as PaddleGAN does.

    Runs that start in the same second get separate folders. Only the first process makes the
    folder and knows its exact name.
    """
    name = run + time.strftime("-%Y-%m-%d-%H-%M-%S", time.localtime())
    folder, number = Path(output_dir) / name, 1
    while processes.is_first():
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
            folder = Path(output_dir) / f"{name}-{number}"
    return folder


def check_same_checkpoint(checkpoint: Path | None) -> None:
    """Check that all processes resume the same iteration, as each searches its own disk.

    Raises:
        UsageError: the iterations differ; raised in all processes.
    """
    number = re.search(r"\d+", checkpoint.name) if checkpoint else None
    if not processes.agree(int(number[0]) if number else -(checkpoint is None)):
        raise UsageError(
            "The processes would resume different checkpoints: put output_dir on a disk that all "
            "machines share, or copy the folder of the run to each of them."
        )


@contextmanager
def open_run_folder(config: AttrDict, run: str, checkpoint: Path | None) -> Iterator[Path]:
    """Open the folder of a run, and lock it against other runs inside the block.

    If a signal or an error ends a new run before anything was saved, its folder is removed. A
    later error is logged as the last line of the run's log.

    Args:
        config: the configuration.
        run: name of the configuration.
        checkpoint: checkpoint from which the run continues in the same folder; None makes a new
            folder.

    Raises:
        UsageError: the folder cannot be made, or another run uses it.
    """
    try:
        folder = checkpoint.parent if checkpoint else make_run_folder(config.output_dir, run)
    except OSError as error:
        raise UsageError(
            f"output_dir is {config.output_dir!r}, where no folder can be made "
            f"({error.strerror}): choose another output_dir."
        ) from None
    with ExitStack() as stack:
        failure = None
        if processes.is_first():
            try:
                stack.enter_context(RunLock(folder))
            except UsageError as error:
                failure = error
        if processes.in_any(failure):
            raise failure or UsageError(f"The first process cannot use {folder}.")
        try:
            yield folder
        except BaseException as error:
            if processes.is_first():
                removed = checkpoint is None and _remove_unused(folder)
                if isinstance(error, Exception) and not removed:
                    reason = " ".join(str(error).split())
                    logger.error("Stopped by an error: %s: %s", type(error).__name__, reason)
            raise


def _remove_unused(folder: Path) -> bool:
    """Remove the folder of a run that has saved nothing; returns whether it was such a run."""
    files = list(folder.iterdir())
    if not {file.name for file in files} <= _FILES_BEFORE_FIRST_SAVE:
        return False
    logger.info("Nothing was saved, so %s is removed", folder)
    with suppress(OSError):  # Windows cannot remove open files
        for file in files:
            file.unlink()
        folder.rmdir()
    return True


def store_config(config: AttrDict, folder: Path) -> None:
    """Write ``config.yaml``, with which the run can be repeated.

    If a resumed run has other options, they are logged, and the earlier file is kept under the next
    free name, ``config.1.yaml`` and so on.
    """
    if not processes.is_first():
        return
    config = copy.deepcopy(config)
    config.output_dir = str(folder)
    path = folder / "config.yaml"
    if path.is_file():
        changes = differences(read_config(path), config)
        if changes:
            logger.warning(
                "Resuming with changed options; results will differ: %s", "; ".join(changes)
            )
            numbers = itertools.count(1)
            path.rename(next(p for n in numbers if not (p := folder / f"config.{n}.yaml").exists()))
    save_config(config, path)


class RunLog:
    """The log of one run, on the terminal and in a file.

    Inside its ``with`` block the first process shows every message of this package and of PaddleGAN
    once on standard output. :meth:`write_to` starts the file, with all messages since the beginning
    of the block. So a run that cannot start leaves no file. Afterwards the loggers are restored.
    """

    _FORMAT = logging.Formatter(
        "[%(asctime)s] %(name)s %(levelname)s: %(message)s", datefmt="%m/%d %H:%M:%S"
    )
    _CAPACITY = 100_000  # largest number of messages before the file exists; never reached

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._kept = MemoryHandler(
            self._CAPACITY, flushLevel=logging.CRITICAL + 1, flushOnClose=False
        )

    def __enter__(self) -> RunLog:
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setFormatter(self._FORMAT)
        for name in ("ppgan", "ppgan_mpr"):
            self._take_over(logging.getLogger(name), [terminal, self._kept])
        # PaddleGAN would add its own handler to a logger that it has not set up.
        initialized = import_ppgan("ppgan.utils.logger").logger_initialized
        if "ppgan" not in initialized:
            initialized.append("ppgan")
            self._stack.callback(initialized.remove, "ppgan")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._kept.close()

    def write_to(self, path: Path) -> None:
        """Append all earlier and later messages to a file."""
        if not processes.is_first():
            return
        file = logging.FileHandler(path, encoding="utf-8")
        file.setFormatter(self._FORMAT)
        self._stack.callback(file.close)
        self._kept.setTarget(file)
        self._kept.flush()
        self._kept.capacity = 1  # from now on every message is written at once

    def _take_over(self, logger: logging.Logger, handlers: list[logging.Handler]) -> None:
        self._stack.callback(logger.setLevel, logger.level)
        self._stack.callback(setattr, logger, "propagate", logger.propagate)
        self._stack.callback(setattr, logger, "handlers", logger.handlers)
        # Child loggers have no levels of their own and follow this one.
        logger.setLevel(logging.INFO if processes.is_first() else logging.CRITICAL + 1)
        logger.propagate, logger.handlers = False, list(handlers)
