"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: Path, exclusive: bool = False) -> Iterator[BinaryIO]:
    """A new hidden file beside ``path`` that takes its place when the block succeeds.

    Whatever goes wrong in the block, an interrupt too, ``path`` stays as it was and
    nothing is left beside it.

    Args:
        path: the place.
        exclusive: only if nothing is there.

    Raises:
        OSError: the folder cannot be written.
        FileExistsError: something is there that is to stay.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        if not (exclusive and _link(temporary, path)):
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _link(source: Path, path: Path) -> bool:
    """Give a file a second name, which no other file may have; False where there are no links."""
    try:
        os.link(source, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        return False
    return True
