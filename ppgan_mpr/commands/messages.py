"""What the package logs during a restoration, as lines on the terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from .flags import as_flags


@contextlib.contextmanager
def show_messages() -> Iterator[None]:
    """Inside its block the package's messages and warnings are printed on stderr, and only there.

    PaddlePaddle gives the root logger a handler of its own, which would print them again.
    """
    logger, handler = logging.getLogger("ppgan_mpr"), _Lines(logging.INFO)
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


def say(message: str) -> None:
    """Print a line on stderr, beside progress bars."""
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        print(f"mprnet: {message}", file=sys.stderr, flush=True)


class _Lines(logging.Handler):
    """Prints each message in the command line's words."""

    def emit(self, record: logging.LogRecord) -> None:
        say(as_flags(record.getMessage()))
