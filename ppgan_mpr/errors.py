"""Errors that the user can fix. Each message is one sentence that says what to do.

Every one derives from :class:`RestorationError`, so the command line can turn them
into a line on the terminal while programming errors keep their traceback. Each also
derives from the built-in that callers would expect to catch.
"""

from __future__ import annotations


class RestorationError(Exception):
    """Base class of everything that the user, not the programmer, can put right."""


class MissingDependencyError(RestorationError, ImportError):
    """An optional package is not installed; the message holds the command that installs it."""


class WeightsError(RestorationError, ValueError):
    """A weights file is damaged, unsafe, or made for another network or task."""


class DownloadError(RestorationError, OSError):
    """Published weights could not be fetched or failed their check."""


class ImageError(RestorationError, ValueError):
    """A picture cannot be read, restored or written."""


class UsageError(RestorationError, ValueError):
    """An option or argument has a value that makes no sense."""
