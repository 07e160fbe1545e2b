"""The report of a run: a JSON file that says how each picture was restored."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from ..errors import UsageError
from ..files import atomic_write
from .result import ResultRecord


def write_report(path: str | os.PathLike[str], records: Iterable[ResultRecord]) -> None:
    """Write records as a JSON list in UTF-8. A file is written whole or not at all.

    A pipe or a device such as ``/dev/stdout`` is written to and not replaced. Bytes of a file
    name that are not UTF-8 are written as escapes: ``\\udcff`` for 0xff.

    Raises:
        UsageError: the file cannot be written.
    """
    rows = [record.to_dict() for record in records]
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    content = f"{text}\n".encode("utf-8", "backslashreplace")  # lone surrogates as JSON escapes
    place = Path(path)
    try:
        if _is_stream(place):
            with _open_stream(place) as file:
                file.write(content)
        else:
            with atomic_write(place) as file:
                file.write(content)
    except OSError as error:
        raise UsageError(f"The report {path} cannot be written: {error.strerror}.") from None


def check_writable_report(path: str | os.PathLike[str]) -> None:
    """Check, before the work begins, that :func:`write_report` can write a report.

    Raises:
        UsageError: the report cannot be written.
    """
    place = Path(path)
    folder = place.parent
    if _is_stream(place):
        writable = os.access(place, os.W_OK) and not place.is_socket() and not place.is_dir()
    else:
        writable = folder.is_dir() and os.access(folder, os.W_OK)
    if not writable:
        raise UsageError(
            f"The report {path} cannot be written: name a file in a folder that you can write to."
        )


def _is_stream(place: Path) -> bool:
    """Whether the path is a device, a pipe or the like, or the target of this process's output."""
    try:
        is_file = stat.S_ISREG(place.stat().st_mode)
    except OSError:
        return False
    return not is_file or _descriptor(place) is not None


def _descriptor(place: Path) -> int | None:
    """1 or 2 if this process prints to that place, as for /dev/stdout; None otherwise."""
    status = place.stat()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return descriptor
    return None


def _open_stream(place: Path) -> BinaryIO:
    descriptor = _descriptor(place)
    if descriptor is None:
        return place.open("ab")
    if sys.stdout:
        sys.stdout.flush()  # so that earlier output comes before the report
    return open(os.dup(descriptor), "wb")  # continues at the current position
