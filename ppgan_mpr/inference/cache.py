"""Disk cache of exported and compiled networks.

Each file begins with the version of its format and a digest of its key and content. Truncated or
altered files and files of other keys or versions are ignored. Writes are atomic, so several
processes can use a cache at the same time. If the folder cannot be read or written, there is one
warning and no cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..cache_dir import cache_dir
from ..errors import UsageError
from ..files import atomic_write

logger = logging.getLogger(__name__)

_MAGIC = b"ppgan_mpr 2\n"
_LIMIT = 1 << 30
_ABANDONED = 3600.0  # age in seconds at which a temporary file is surely abandoned


class Cache:
    """A cache of byte strings in a folder, which may be deleted at any time.

    Args:
        folder: created when first written to; None keeps nothing.
        limit: maximum size of all files in bytes; the least recently used are deleted first.
        read_only: store nothing.
    """

    def __init__(self, folder: Path | None, limit: int = _LIMIT, read_only: bool = False):
        self._folder = None if folder is None else Path(folder)
        self._limit, self._read_only = limit, read_only
        self._warned = False

    @classmethod
    def of_user(cls, read_only: bool = False) -> Cache:
        """The user's cache of networks, in :func:`~ppgan_mpr.cache_dir.cache_dir`."""
        try:
            return cls(cache_dir() / "networks", read_only=read_only)
        except UsageError as error:
            logger.warning("Networks are not cached: %s", error)
            return cls(None)

    def load(self, *key: object) -> memoryview | None:
        """The payload that was stored under ``key``, or None.

        The file is mapped into memory instead of read, which avoids copying a large network.
        Writes to the result do not change the file.
        """
        path = self.path(*key)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        except (FileNotFoundError, ValueError):  # ValueError: the file is empty
            return None
        except OSError as error:
            self._warn("read", error)
            return None
        start = len(_MAGIC) + 32
        payload = content[start:]
        if content[:start] != _MAGIC + _digest(path.stem, payload):
            return None
        if not self._read_only:
            with contextlib.suppress(OSError):
                os.utime(path)  # the least recently used files are deleted first
        return payload

    def store(self, payload: bytes, *key: object) -> None:
        """Store ``payload`` under ``key``. A full or read-only disk is not an error."""
        path = self.path(*key)
        if path is None or self._read_only:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(_MAGIC + _digest(path.stem, payload))
                file.write(payload)
        except OSError as error:
            self._warn("written", error)
        else:
            self._prune(path.parent)

    def load_facts(self, *key: object) -> dict[str, Any] | None:
        """The dictionary that was stored under ``key``, or None."""
        payload = self.load(*key)
        try:
            facts = None if payload is None else json.loads(bytes(payload))
        except ValueError:
            return None
        return facts if isinstance(facts, dict) else None

    def store_facts(self, facts: Mapping[str, Any], *key: object) -> None:
        """Store a dictionary of numbers and strings under ``key``."""
        self.store(json.dumps(dict(facts)).encode(), *key)

    def path(self, *key: object) -> Path | None:
        """Path of the file for ``key``, whether it exists or not; None if nothing is kept."""
        if self._folder is None:
            return None
        name = hashlib.sha256(repr(tuple(map(str, key))).encode()).hexdigest()[:32]
        return self._folder / f"{name}.bin"

    def _warn(self, verb: str, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "The cache folder %s cannot be %s (%s), so networks are prepared in every run: "
                "set PPGAN_MPR_HOME to a folder that you can write to.",
                self._folder,
                verb,
                error.strerror or error,
            )

    def _prune(self, folder: Path) -> None:
        """Delete temporary files of killed processes, and the oldest files above the limit."""
        for path in folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        entries = []
        for path in folder.glob("*.bin"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = 0
        for _, size, path in sorted(entries, reverse=True):
            total += size
            if total > self._limit:
                with contextlib.suppress(OSError):
                    path.unlink()


def _digest(name: str, payload: bytes | memoryview) -> bytes:
    """The digest in the header of a file with this name and payload."""
    digest = hashlib.sha256(name.encode())
    digest.update(payload)
    return digest.digest()
