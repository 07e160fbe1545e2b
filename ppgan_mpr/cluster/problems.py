"""Words for errors of storage and of Ray, such as a full disk or a missing bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError
from .stores import Store

_BUCKET = re.compile(r"bucket '([^']+)'.*NO_SUCH_BUCKET", re.DOTALL)
_CAUSE = "The above exception was the direct cause of the following exception:"


def storage_reason(error: BaseException) -> str:
    """Why a file cannot be read or written, without its name and without a full stop."""
    text = str(getattr(error, "strerror", None) or error)
    missing = _BUCKET.search(text)
    return f"there is no bucket {missing[1]}" if missing else text.rstrip(".")


@contextmanager
def named_in_errors(store: Store) -> Iterator[None]:
    """Add the store's name to errors that the block raises without a file name.

    Raises:
        UsageError: a file in the store cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        if error.filename:
            raise
        raise UsageError(
            f"{store.shown} cannot be read or written: {storage_reason(error)}."
        ) from error


def ray_reason(error: BaseException) -> str:
    """The error behind an error of Ray, in one sentence without Ray's advice.

    Ray sends some errors between nodes without their causes. The text still has the tracebacks, the
    original one first.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UsageError):
            own = getattr(cause, "cause", cause)  # Ray's text of a UsageError is a traceback
            if str(own).count("\n") == 0:
                return str(own)
        cause = getattr(cause, "cause", None) or cause.__cause__
    text = str(error).strip()
    _, mark, usage = text.rpartition(f"{UsageError.__name__}: ")
    if mark:
        return usage.splitlines()[0].strip()
    traceback, mark, _ = text.partition(_CAUSE)
    lines = [line.strip() for line in traceback.strip().splitlines()] or [type(error).__name__]
    is_traceback = mark or any(line.startswith('File "') for line in lines)
    return f"A worker failed, or the cluster is lost: {lines[-1 if is_traceback else 0]}"
