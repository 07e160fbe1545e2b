"""Prints the package's log messages on the terminal during a restoration."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..file_names import shown
from .flags import as_flags

if TYPE_CHECKING:
    from ..networks import WeightsRecord


@contextlib.contextmanager
def show_messages(arguments: Sequence[str] = ()) -> Iterator[None]:
    """Print the package's messages and warnings on stderr, and only there, while the block runs.

    PaddlePaddle adds a handler to the root logger, which would print them again.

    Args:
        arguments: arguments of the command line, for suggesting a command with better weights.
    """
    logger, handler = logging.getLogger("ppgan_mpr"), _Lines(arguments)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagate
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    """Log handler that prints messages with command-line flags, above any progress bars."""

    def __init__(self, arguments: Sequence[str]):
        super().__init__(logging.INFO)
        self._arguments = arguments

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        lines = [as_flags(record.getMessage())]
        better = getattr(record, "better_weights", None)
        # Under ``auto``, most pictures need no other weights; ``task_choice.better_commands`` names
        # the pictures that do.
        if better and not _is_auto(self._arguments):
            lines.append(f"better weights:  {_command(self._arguments, better)}")
        with tqdm.external_write_mode(file=sys.stderr):
            for line in lines:
                print(f"mprnet: {shown(line)}", file=sys.stderr, flush=True)


def _command(arguments: Sequence[str], weights: WeightsRecord) -> str:
    """The same command with other weights, which overwrites this command's results."""
    kept, words = list[str](), iter(arguments)
    for word in words:
        if word == "--model":
            next(words, None)
        elif not word.startswith("--model="):
            kept.append(word)
    chosen = ["--model", weights.model]
    if weights.qualified and "--network" not in kept:
        chosen += ["--network", weights.network]
    if not any(word.startswith(("--overwrite", "--skip", "--dry")) for word in kept):
        chosen.append("--overwrite")
    return shlex.join(["mprnet", *kept, *chosen])


def _is_auto(arguments: Sequence[str]) -> bool:
    """Whether the command line says ``--task auto``."""
    from ..apps.task_names import is_auto

    values = [*zip(arguments, arguments[1:]), *(word.split("=", 1) for word in arguments)]
    return any(
        len(pair) == 2 and pair[0] in ("-t", "--task") and is_auto(pair[1]) for pair in values
    )
