"""Disk cache of exported and compiled networks.

Each file begins with a digest of its content; truncated and altered files, and those of other
versions, are ignored. Writes are atomic, so several processes can use one cache at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import atomic_write

_MAGIC = b"ppgan_mpr 1\n"
_LIMIT = 1 << 30
_ABANDONED = 3600.0  # age in seconds at which a temporary file is surely no longer written to


class Cache:
    """A cache of byte strings in a folder, which may be deleted at any time.

    Args:
        folder: created when first written to.
        limit: maximum size of all files in bytes; the least recently used are deleted first.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT):
        self._folder = Path(folder)
        self._limit = limit

    def load(self, *key: object) -> memoryview | None:
        """The payload that was stored under ``key``, or None.

        The file is mapped into memory instead of read, which spares a copy of a large network.
        Writes to the result do not change the file.
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
            os.utime(path)  # the least recently used files are deleted first
        return payload

    def store(self, payload: bytes, *key: object) -> None:
        """Store ``payload`` under ``key``. A full or read-only disk is not an error."""
        path = self.path(*key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(_MAGIC + _digest(payload))
                file.write(payload)
            self._prune()

    def load_facts(self, *key: object) -> dict[str, Any] | None:
        """The dictionary that was stored under ``key``, or None."""
        payload = self.load(*key)
        return None if payload is None else json.loads(bytes(payload))

    def store_facts(self, facts: Mapping[str, Any], *key: object) -> None:
        """Store a dictionary of numbers and strings under ``key``."""
        self.store(json.dumps(dict(facts)).encode(), *key)

    def path(self, *key: object) -> Path:
        """Path of the file for ``key``, which may not exist."""
        name = hashlib.sha256(repr(tuple(map(str, key))).encode()).hexdigest()[:32]
        return self._folder / f"{name}.bin"

    def _prune(self) -> None:
        """Delete temporary files of killed processes, and the oldest files above the limit."""
        for path in self._folder.glob(".*.tmp"):
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


def _digest(payload: bytes | memoryview) -> bytes:
    return hashlib.sha256(payload).digest()
