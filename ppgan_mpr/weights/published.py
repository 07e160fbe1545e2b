"""Published weights: downloaded once, verified, and pinned to the digest of the first download."""

from __future__ import annotations

import logging
from pathlib import Path

from ..errors import WeightsError
from ..networks import WeightsRecord
from .catalogue import git_blob_of
from .digests import check_first_seen, digest_file
from .download import cached_path, fetch
from .reading import Weights, read_weights

logger = logging.getLogger(__name__)


def download_weights(record: WeightsRecord, home: Path, progress: bool = True) -> Path:
    """Download published weights into a folder unless they are there, and verify them.

    Args:
        record: the weights' record, with a ``url``.
        home: the folder; the file goes into its sub-folder ``weights``, as in the user's cache.
        progress: show a bar while downloading.

    Returns:
        The path of the file.

    Raises:
        DownloadError: they cannot be downloaded, or the download is not the expected file.
        UsageError: ``PPGAN_MPR_MIRROR`` is not an https address.
        WeightsError: the file in the folder is not the one that was first seen.
    """
    read_published(record, progress, home)
    return cached_path(record, home)


def read_published(record: WeightsRecord, progress: bool, home: Path | None = None) -> Weights:
    """Read weights from the cache; missing or damaged ones are downloaded first.

    Args:
        record, progress, home: see :func:`download_weights`; None is the user's cache folder.

    Raises:
        DownloadError, UsageError, WeightsError: see :func:`download_weights`.
    """

    def verified(path: Path) -> Weights:
        if record.git_blob and git_blob_of(path) != record.git_blob:
            raise WeightsError(
                f"its git object id is not the expected {record.git_blob}: it arrived damaged, "
                "or another file has taken its place."
            )
        return read_weights(path, record)

    def verified_download(path: Path) -> None:
        verified(path)
        _check_pinned(path, record, home)

    path = cached_path(record, home)
    if path.exists():
        try:
            weights = verified(path)
        except WeightsError as error:
            # Renamed, not deleted, because a user may have put it there by hand.
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            logger.warning("The cached file %s was renamed to %s: %s", path, aside.name, error)
        else:
            _check_pinned(path, record, home)
            return weights
    return read_weights(fetch(record, verified_download, progress, home), record)


def _check_pinned(path: Path, record: WeightsRecord, home: Path | None) -> None:
    """Compare a file with the one first seen, or record it as the first.

    Raises:
        WeightsError: the file has changed since.
    """
    if record.git_blob or record.sha256 or record.url is None:
        return
    check = check_first_seen(digest_file(path), cached_path(record, home), record.url)
    if not check.passed:
        raise WeightsError(check.explanation)
