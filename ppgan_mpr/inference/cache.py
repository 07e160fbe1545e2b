"""Files that are dear to make and may be made again: exported graphs and compiled networks.

Each file begins with the digest of what follows. A file that was cut short, altered, or
written by another version is as good as absent, and many processes may read and write at
once: a file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import time
from pathlib import Path

from ..files import atomic_write

_MAGIC = b"ppgan_mpr 1\n"
_LIMIT = 1 << 30
_ABANDONED = 3600.0  # seconds after which nobody is still writing a file


class Cache:
    """A folder of blobs that may vanish at any time.

    Args:
        folder: created when first written to.
        limit: bytes kept in all; the longest unused files go first.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT):
        self._folder = Path(folder)
        self._limit = limit

    def load(self, *key: object) -> memoryview | None:
        """What :meth:`store` kept under ``key``, or None.

        The file is mapped, not read: networks are large, and every copy of one takes as long
        as reading it. Writing to the result leaves the file as it is.
        """
        path = self.path(*key)
        try:
            with open(path, "rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        except (OSError, ValueError):  # ValueError: the file is empty
            return None
        start = len(_MAGIC) + 32
        payload = content[start:]
        if content[:start] != _MAGIC + _digest(payload):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the oldest unused files go first
        return payload

    def store(self, payload: bytes, *key: object) -> None:
        """Keep ``payload``; a full or read-only disk only means that it is made again."""
        path = self.path(*key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(_MAGIC + _digest(payload))
                file.write(payload)
            self._prune()

    def load_facts(self, *key: object) -> dict | None:
        """What :meth:`store_facts` kept under ``key``, or None."""
        payload = self.load(*key)
        return None if payload is None else json.loads(bytes(payload))

    def store_facts(self, facts: dict, *key: object) -> None:
        """Keep a dictionary of numbers and words."""
        self.store(json.dumps(facts).encode(), *key)

    def path(self, *key: object) -> Path:
        """Where the content of ``key`` is, or would be."""
        name = hashlib.sha256(repr(tuple(map(str, key))).encode()).hexdigest()[:32]
        return self._folder / f"{name}.bin"

    def _prune(self) -> None:
        for path in self._folder.glob(".*.tmp"):  # of processes that were killed
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        entries = []
        for path in self._folder.glob("*.bin"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = 0
        for _, size, path in sorted(entries, reverse=True):
            total += size
            if total > self._limit:
                with contextlib.suppress(OSError):
                    path.unlink()


def _digest(payload) -> bytes:
    return hashlib.sha256(payload).digest()
