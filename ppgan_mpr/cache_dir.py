"""Where downloaded weights and compiled networks are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UsageError


def cache_dir() -> Path:
    """The folder: ``PPGAN_MPR_HOME`` if set, else ``ppgan_mpr`` in the user's cache directory.

    Raises:
        UsageError: the variable is not set, and the user has no home directory.
    """
    home = os.environ.get("PPGAN_MPR_HOME")
    if home:
        return Path(os.path.expanduser(home))
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("ppgan_mpr"))
    except RuntimeError:  # neither HOME nor an entry in the list of users
        raise UsageError(
            "There is no home directory to keep downloaded and compiled networks in: set "
            "PPGAN_MPR_HOME to a folder for them."
        ) from None
