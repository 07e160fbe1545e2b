"""What the package logs during a restoration, as lines on the terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from .flags import as_flags


@contextlib.contextmanager
def show_messages() -> Iterator[None]:
    """Inside its block the package's messages and warnings are printed on stderr."""
    logger, handler = logging.getLogger("ppgan_mpr"), _Lines(logging.INFO)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    """Prints each message in the command line's words, beside progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        with tqdm.external_write_mode(file=sys.stderr):
            print(f"mprnet: {as_flags(record.getMessage())}", file=sys.stderr, flush=True)
