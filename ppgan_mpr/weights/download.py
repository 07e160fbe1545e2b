"""Downloads published weights into a cache folder."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..cache_dir import cache_dir
from ..errors import DownloadError, UsageError, WeightsError
from ..networks import WeightsRecord, weights_records

# A download of unknown size is stopped if it is longer than the parameters in float64 together
# with an optimizer's state.
_SIZE_FACTOR, _SIZE_SLACK = 6, 64 << 20
logger = logging.getLogger(__name__)

_PREFIX = ".download-"  # of folders for unfinished downloads
_ABANDONED = 3600.0  # seconds without a change; a stalled transfer ends after a minute


def cached_path(record: WeightsRecord, home: Path | None = None) -> Path:
    """Path of the cached file of published weights, whether it exists or not.

    Args:
        record: the weights' record, with a ``url``.
        home: the cache folder; default: :func:`~ppgan_mpr.cache_dir.cache_dir`.
    """
    return (home or cache_dir()) / "weights" / _file_name(record)


def download_url(record: WeightsRecord) -> str:
    """The address from which published weights (a record with a ``url``) are downloaded.

    It is the publisher's address, or that of the file with the same name on the mirror that
    ``PPGAN_MPR_MIRROR`` names.

    Raises:
        UsageError: the mirror's address is not an https address.
    """
    assert record.url is not None
    mirror = os.environ.get("PPGAN_MPR_MIRROR")
    if not mirror:
        return record.url
    parts = urlsplit(mirror)
    if parts.scheme.lower() != "https" or not parts.netloc:
        raise UsageError(
            f"PPGAN_MPR_MIRROR is {mirror[:200]!r}, which is not an https address: set it to the "
            "https address of a folder with the weights files, or unset it."
        )
    return f"{mirror.rstrip('/')}/{_file_name(record)}"


def fetch(
    record: WeightsRecord,
    verify: Callable[[Path], object],
    progress: bool = True,
    home: Path | None = None,
) -> Path:
    """Return the cached file of published weights; download it first if necessary.

    Args:
        record: with a ``url``.
        verify: called with the downloaded file before it is moved into the cache; raises
            WeightsError if it must not be used.
        progress: show a bar.
        home: see :func:`cached_path`.

    Raises:
        DownloadError: there is no connection, the transfer was interrupted, an address or a
            redirect is not https, or the file is not the weights or has changed since it was
            first seen.
        UsageError: see :func:`download_url`.
    """
    path = cached_path(record, home)
    if path.exists():
        return path
    url = download_url(record)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        choose = "set PPGAN_MPR_HOME to" if home is None else "name"
        raise DownloadError(
            f"The folder for downloaded weights, {path.parent}, cannot be created "
            f"({error.strerror}): {choose} a folder that can be written."
        ) from None
    try:
        _remove_abandoned(path.parent)
        # Each process has its own temporary folder, so two never write the same file.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_PREFIX) as folder:
            arrived = _download(record, url, Path(folder), progress)
            verify(arrived)
            arrived.replace(path)
    except WeightsError as error:
        raise DownloadError(f"The download of {url} was discarded: {error}") from None
    except OSError as error:
        lite = any(
            other.resource and (other.network, other.task) == (record.network, record.task)
            for other in weights_records()
        )
        embedded = ", or use model='lite', which needs no download" if lite else ""
        raise DownloadError(
            f"The {record.name} weights could not be downloaded ({_reason(error)}): fetch "
            f"{url} another way and put the file at {path}{embedded}."
        ) from None
    return path


def _remove_abandoned(folder: Path) -> None:
    """Remove unfinished downloads of killed processes."""
    for left in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest > _ABANDONED:
                shutil.rmtree(left)


def _download(record: WeightsRecord, url: str, folder: Path, progress: bool) -> Path:
    import pooch

    name = _file_name(record)
    shown = progress and sys.stderr.isatty()
    size = f" ({record.size / 1e6:.0f} MB)" if record.size else ""
    logger.info("downloading %s%s, once, from %s", record.name, size, url)
    limit = record.size or _SIZE_FACTOR * 4 * record.parameters + _SIZE_SLACK
    known_hash = f"sha256:{record.sha256}" if record.sha256 else None
    cache = pooch.create(
        path=folder,
        base_url="",
        registry={name: known_hash},
        urls={name: url},
        retry_if_failed=1,
    )
    with _quiet(pooch.get_logger()):
        try:
            return Path(cache.fetch(name, downloader=_Downloader(limit, shown)))
        except WeightsError:
            raise
        except ValueError:  # from pooch: the digest differs
            raise WeightsError(
                f"its sha256 hash is not the expected {record.sha256}: it arrived damaged, or "
                "another file has taken its place."
            ) from None


class _Downloader:
    """Downloads a file from an https address; called by pooch.

    Args:
        limit: bytes; a longer answer is an error.
        progress: show a bar.
    """

    def __init__(self, limit: int, progress: bool):
        self._limit, self._progress = limit, progress

    def __call__(self, url: str, output_file: str, _: object) -> None:
        import requests
        from tqdm import tqdm

        _check_https(url)
        timeout = (15, 60)  # seconds: to connect, and without any data
        with (
            requests.get(
                url, stream=True, timeout=timeout, hooks={"response": _check_redirect}
            ) as response,
            open(output_file, "wb") as file,
        ):
            response.raise_for_status()
            announced = response.headers.get("Content-Length", "")
            total = int(announced) if announced.isdigit() else None
            bar = tqdm(
                desc=url.rpartition("/")[2], total=total, unit="B", unit_scale=True,
                disable=not self._progress,
            )  # fmt: skip
            with bar:
                for block in response.iter_content(1 << 16):
                    file.write(block)
                    bar.update(len(block))
                    if file.tell() > self._limit:
                        raise WeightsError(f"it is longer than {self._limit} bytes.")
            if total is not None and response.raw.tell() < total:
                raise requests.exceptions.ConnectionError("the transfer was cut short")


def _check_redirect(response: Any, *_: object, **__: object) -> None:
    if response.is_redirect:
        _check_https(urljoin(response.url, response.headers["Location"]))


def _check_https(url: str) -> None:
    if urlsplit(url).scheme.lower() != "https":
        raise WeightsError(
            f"{url[:200]} is not an https address, so the file could be altered on the way."
        )


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
