"""Errors that the user can fix. Each message is one sentence that says what to do.

Every error derives from :class:`RestorationError`, so the command line can print its message
as one line, while programming errors keep their traceback. Each also derives from the
built-in exception that callers expect.
"""

from __future__ import annotations


class RestorationError(Exception):
    """Base class of all errors that the user can fix without changing code."""


class MissingDependencyError(RestorationError, ImportError):
    """An optional package is not installed; the message holds the command that installs it."""


class WeightsError(RestorationError, ValueError):
    """A weights file is damaged, unsafe, or made for another network or task."""


class DownloadError(RestorationError, OSError):
    """Published weights could not be downloaded, or failed their checksum test."""


class ImageError(RestorationError, ValueError):
    """A picture cannot be read, restored or written."""


class UsageError(RestorationError, ValueError):
    """An option or argument has a value that makes no sense."""
