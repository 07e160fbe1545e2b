"""Options in the spelling of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Options whose flag is not --name or --name value.
_SPECIAL = {
    ("existing", "overwrite"): "--overwrite",
    ("existing", "skip"): "--skip-existing",
    ("right", ""): "--right_image",
}
_RENAMED = {"suffix": "format"}
_OPTION = re.compile(r"\b([a-z_]+)=('[^']*'|\"[^\"]*\"|True\b|\d[\w.]*|(?=[,.;:)\s]|$))")


def as_flags(message: object, names: Mapping[str, str] | None = None) -> str:
    """A message with options such as ``existing='skip'`` written as flags.

    The library writes options as Python does; ``task=`` names an option without a value.

    Args:
        message: the error, or its text.
        names: Python's name of an option → its flag, such as ``--load``; other options stay as
            they are. Default: every option.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("'\"")
        if names is not None:
            known = names.get(name)
            return match[0] if known is None else f"{known} {value}".rstrip()
        special = _SPECIAL.get((name, value))
        if special:
            return special
        name = _RENAMED.get(name, name).replace("_", "-" if value == "True" else "_")
        return f"--{name}" if value in ("", "True") else f"--{name} {value}"

    return _OPTION.sub(flag, str(message))
