"""Download of published weights into a cache folder."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..cache_dir import cache_dir
from ..errors import DownloadError, WeightsError
from ..networks import WeightsRecord, weights_records


def cached_path(record: WeightsRecord) -> Path:
    """Path of the cached file of ``record``, which must have a ``url``; it may not exist."""
    return cache_dir() / "weights" / _file_name(record)


def fetch(record: WeightsRecord, verify: Callable[[Path], object], progress: bool = True) -> Path:
    """Return the cached file of published weights, after downloading it if there is none.

    Args:
        record: with a ``url``.
        verify: called with the downloaded file before it is moved into the cache; raises
            WeightsError if it must not be used.
        progress: show a bar.

    Raises:
        DownloadError: no connection, an interrupted transfer, or a file that is not the
            weights.
    """
    path = cached_path(record)
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"The folder for downloaded weights, {path.parent}, cannot be created "
            f"({error.strerror}): set PPGAN_MPR_HOME to a folder that can be written."
        ) from None
    try:
        # A temporary folder for each process, so that two never write the same file.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as folder:
            arrived = _download(record, Path(folder), progress)
            verify(arrived)
            arrived.replace(path)
    except WeightsError as error:
        raise DownloadError(f"The download of {record.url} was discarded: {error}") from None
    except OSError as error:
        lite = any(r.resource and r.task == record.task for r in weights_records())
        embedded = ", or use model='lite', which needs no download" if lite else ""
        raise DownloadError(
            f"The {record.name} weights could not be downloaded ({_reason(error)}): fetch "
            f"{record.url} another way and put the file at {path}{embedded}."
        ) from None
    return path


def _download(record: WeightsRecord, folder: Path, progress: bool) -> Path:
    import pooch

    name = _file_name(record)
    if progress and sys.stderr.isatty():
        print(f"Downloading {record.url}", file=sys.stderr)
    downloader = pooch.HTTPDownloader(
        progressbar=progress and sys.stderr.isatty(), timeout=(15, 60), chunk_size=1 << 16
    )
    known_hash = f"sha256:{record.sha256}" if record.sha256 else None
    cache = pooch.create(
        path=folder,
        base_url="",
        registry={name: known_hash},
        urls={name: record.url},
        retry_if_failed=1,
    )
    with _quiet(pooch.get_logger()):
        try:
            return Path(cache.fetch(name, downloader=downloader))
        except ValueError as error:  # pooch: digest differs
            raise WeightsError(str(error)) from None


def _file_name(record: WeightsRecord) -> str:
    assert record.url is not None
    return record.url.rpartition("/")[2]


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: OSError) -> str:
    # requests nests the cause in several exceptions; only the innermost text is readable.
    if error.strerror:
        return error.strerror
    text = str(error.args[0] if error.args else error)
    for mark in (
        "Name or service not known",
        "Temporary failure in name resolution",
        "Connection refused",
        "timed out",
        "Network is unreachable",
    ):
        if mark.lower() in text.lower():
            return mark
    return " ".join(text.split())[:200]
