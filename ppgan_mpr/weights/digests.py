"""Compares weights files with published digests, or with the digests of the first download."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..files import atomic_write, locked
from ..networks import WeightsRecord
from .catalogue import git_blob_of

#: File beside downloaded weights that records their digests when they are first seen.
LEDGER = "digests.json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileDigest:
    """Size and digests of a file, which identify its content.

    Attributes:
        size: in bytes.
        sha256: in hexadecimal digits.
        git_blob: git's object id of the content.
    """

    size: int
    sha256: str
    git_blob: str


@dataclass(frozen=True)
class DigestCheck:
    """The result of comparing a weights file with its record.

    Attributes:
        digest: the file's digest.
        status: ``matches`` or ``differs`` if a digest is published. Otherwise ``recorded`` when
            the file is first seen, then ``unchanged`` or ``changed``; ``unknown`` if there is
            nothing to compare with.
        explanation: a sentence for users.
    """

    digest: FileDigest
    status: str
    explanation: str

    @property
    def passed(self) -> bool:
        """False if the file is not the expected one."""
        return self.status not in ("differs", "changed")


def digest_file(path: Path) -> FileDigest:
    """Size and digests of a file.

    Raises:
        WeightsError: it cannot be read.
    """
    sha256 = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                sha256.update(block)
        return FileDigest(path.stat().st_size, sha256.hexdigest(), git_blob_of(path))
    except OSError as error:
        raise WeightsError(
            f"The weights file {path} cannot be read: {error.strerror or error}."
        ) from None


def check_published(digest: FileDigest, record: WeightsRecord) -> DigestCheck | None:
    """Compare a file with the digests in its record; None if the record has none."""
    stated = {"sha256": record.sha256, "git object id": record.git_blob, "size": record.size}
    found = {"sha256": digest.sha256, "git object id": digest.git_blob, "size": digest.size}
    if not (record.sha256 or record.git_blob):  # a size alone proves nothing
        return None
    known = {kind: value for kind, value in stated.items() if value}
    wrong = [kind for kind, value in known.items() if found[kind] != value]
    if wrong:
        expected = ", ".join(f"{kind} {known[kind]}" for kind in wrong)
        return DigestCheck(
            digest, "differs", f"This is not the file of {record.name}, which has {expected}."
        )
    return DigestCheck(digest, "matches", f"It matches the published {' and '.join(known)}.")


def check_first_seen(digest: FileDigest, path: Path, url: str) -> DigestCheck:
    """Compare a downloaded file with the digest recorded when it was first seen.

    Args:
        digest: the file's digest.
        path: where the file is or will be; :data:`LEDGER` beside it holds the records.
        url: where it was downloaded from, which is recorded too.

    Raises:
        WeightsError: the ledger is damaged.
    """
    ledger = path.with_name(LEDGER)
    known = _compare(digest, path, url, _read(ledger))
    if known is not None:
        return known
    with _locked(ledger):
        entries = _read(ledger)  # another process may have added some
        known = _compare(digest, path, url, entries)
        if known is not None:
            return known
        entries[path.name] = {
            **asdict(digest),
            "url": url,
            "first_seen": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        }
        try:
            with atomic_write(ledger) as file:
                file.write((json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())
        except OSError as error:
            _warn_once(
                f"The digests of downloaded weights cannot be written to {ledger} "
                f"({error.strerror}): a file that changes later will not be noticed."
            )
            text = f"No digest is published, and {ledger} cannot be written ({error.strerror})."
            return DigestCheck(digest, "unknown", text)
    text = f"No digest is published, so the digest of this file was recorded in {ledger}."
    return DigestCheck(digest, "recorded", text)


def _compare(
    digest: FileDigest, path: Path, url: str, entries: Mapping[str, Mapping[str, Any]]
) -> DigestCheck | None:
    """Compare a file with its entry in the ledger; None if it has none."""
    entry = entries.get(path.name)
    if entry is None or entry.get("url") != url:
        return None
    seen = entry.get("first_seen", "an unknown day")
    if all(entry.get(key) == value for key, value in asdict(digest).items()):
        text = f"No digest is published, and the file is the one first seen on {seen}."
        return DigestCheck(digest, "unchanged", text)
    return DigestCheck(
        digest,
        "changed",
        f"The file has changed: on {seen} its sha256 was {entry.get('sha256')}, now it is "
        f"{digest.sha256}. If you trust the new one, remove {path.name} from "
        f"{path.with_name(LEDGER)}; if not, delete {path} and try again.",
    )


@contextlib.contextmanager
def _locked(ledger: Path) -> Iterator[None]:
    """Keep other processes from changing the ledger. Writes replace it, so a lock file is used."""
    try:
        file = ledger.with_name(f".{ledger.name}.lock").open("ab")
    except OSError:  # the ledger cannot be written either
        yield
        return
    with file, locked(file):
        yield


@functools.cache
def _warn_once(text: str) -> None:
    logger.warning("%s", text)


def _read(ledger: Path) -> dict[str, Mapping[str, Any]]:
    try:
        entries = json.loads(ledger.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WeightsError(f"{ledger} cannot be read: {error.strerror}.") from None
    except ValueError:  # not JSON, or not text
        entries = None
    if isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values()):
        return entries
    raise WeightsError(
        f"{ledger}, which records the digests of downloaded weights, is damaged: remove it."
    )
