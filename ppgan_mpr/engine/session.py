"""What a run needs before its Trainer: device, output folder, log, checkpoint to resume."""

from __future__ import annotations

import itertools
import logging
import time
from pathlib import Path

import paddle

from ..errors import UsageError
from ..ppgan_compat import import_ppgan
from .checkpoint import latest_checkpoint
from .config import AttrDict, differences, read_config, save_config


def choose_device(no_cuda: bool = False) -> None:
    """Compute on the GPU that the launcher assigned, or on the CPU where there is none."""
    gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    paddle.set_device("gpu" if gpu and not no_cuda else "cpu")


def find_checkpoint(resume: str, output_dir: str, run: str) -> Path:
    """The checkpoint that ``--resume`` means.

    Args:
        resume: a file, or ``auto`` for the newest of this configuration.
        output_dir: the configured output folder.
        run: name of the configuration.

    Raises:
        UsageError: there is no such file.
    """
    if resume == "auto":
        return latest_checkpoint(Path(output_dir), run)
    if not Path(resume).is_file():
        raise UsageError(f"--resume {resume}: there is no such file.")
    return Path(resume)


def run_folder(output_dir: str, run: str) -> Path:
    """A new folder for a run, named by configuration and time, as PaddleGAN does.

    Runs that start in the same second get one each. Only the first process makes it, and only
    there is the name right.
    """
    name = run + time.strftime("-%Y-%m-%d-%H-%M-%S", time.localtime())
    folder, number = Path(output_dir) / name, 1
    while is_first_process():
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
            folder = Path(output_dir) / f"{name}-{number}"
    return folder


def store_config(config: AttrDict, folder: Path) -> None:
    """Write ``config.yaml``, from which the run can be repeated.

    Where a run goes on with other options, they are told, and the earlier file is kept beside
    the new one.
    """
    path = folder / "config.yaml"
    if path.is_file():
        changes = differences(read_config(path), config)
        if changes:
            logging.getLogger("ppgan_mpr").warning(
                "The run goes on with other options, and is not what it would have been: %s",
                "; ".join(changes),
            )
            numbers = itertools.count(1)
            path.rename(next(p for n in numbers if not (p := folder / f"config.{n}.yaml").exists()))
    save_config(config, path)


def is_first_process() -> bool:
    """Whether this process is the one that writes."""
    return paddle.distributed.get_rank() == 0


def open_log(folder: Path) -> None:
    """Log to the terminal and ``log.txt``; in process 0 alone, the others stay silent."""
    setup_logger = import_ppgan("ppgan.utils.logger").setup_logger
    first = is_first_process()
    for name in ("ppgan", "ppgan_mpr"):
        logger = setup_logger(str(folder) if first else None, name=name)
        if not first:
            logger.setLevel(logging.CRITICAL + 1)  # of the loggers below it, too
