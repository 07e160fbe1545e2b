"""What the package logs during a restoration, as lines on the terminal."""

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
def show_messages(images: Sequence[str] = ()) -> Iterator[None]:
    """Inside its block the package's messages and warnings are printed on stderr, and only there.

    PaddlePaddle gives the root logger a handler of its own, which would print them again.

    Args:
        images: what the user named, for the command with better weights.
    """
    logger, handler = logging.getLogger("ppgan_mpr"), _Lines(images)
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
    """Prints each message in the command line's words, beside progress bars."""

    def __init__(self, images: Sequence[str]):
        super().__init__(logging.INFO)
        self._images = images

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        lines = [as_flags(record.getMessage())]
        better = getattr(record, "better_weights", None)
        if better:
            lines.append(f"better weights:  {_command(self._images, better)}")
        with tqdm.external_write_mode(file=sys.stderr):
            for line in lines:
                print(f"mprnet: {shown(line)}", file=sys.stderr, flush=True)


def _command(images: Sequence[str], weights: WeightsRecord) -> str:
    """The command that restores pictures with known weights."""
    chosen = ["--task", weights.task, "--model", weights.model]
    chosen += ["--network", weights.network] if weights.qualified else []
    return shlex.join(["mprnet", *images, *chosen])
