"""Atomic writes: a file appears complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], exclusive: bool = False) -> Iterator[BinaryIO]:
    """Open a hidden file beside ``path`` that replaces it when the block succeeds.

    If anything in the block fails, an interrupt included, ``path`` stays as it was and nothing is
    left beside it.

    Args:
        path: the file to write.
        exclusive: fail if ``path`` exists.

    Raises:
        OSError: the folder cannot be written.
        FileExistsError: ``path`` exists, and ``exclusive`` was asked for.
    """
    with atomic_place(path, exclusive) as temporary, temporary.open("xb") as file:
        yield file


@contextlib.contextmanager
def atomic_place(path: str | os.PathLike[str], exclusive: bool = False) -> Iterator[Path]:
    """As :func:`atomic_write`, for a file that the block itself creates under the name it gets."""
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        if not (exclusive and _link(temporary, path)):
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _link(source: Path, path: Path) -> bool:
    """Give a file a second name if that name is free; False where links are not supported."""
    try:
        os.link(source, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        return False
    return True
