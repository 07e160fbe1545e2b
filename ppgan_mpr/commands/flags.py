"""Options in the spelling of the command line."""

from __future__ import annotations

import re

# Options whose flag is not --name or --name value.
_SPECIAL = {
    ("existing", "overwrite"): "--overwrite",
    ("existing", "skip"): "--skip-existing",
    ("right", ""): "--right_image",
}
_RENAMED = {"suffix": "format"}
_OPTION = re.compile(r"\b([a-z_]+)=('[^']*'|\"[^\"]*\"|True\b|False\b|\d[\w.]*|(?=[,.;:)\s]|$))")


def as_flags(message: object) -> str:
    """A message with options such as ``existing='skip'`` written as flags.

    The library writes options as Python does; ``task=`` names an option without a value.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("'\"")
        special = _SPECIAL.get((name, value))
        if special:
            return special
        if value == "False":
            return f"--no-{name.replace('_', '-')}"
        name = _RENAMED.get(name, name).replace("_", "-" if value == "True" else "_")
        return f"--{name}" if value in ("", "True") else f"--{name} {value}"

    return _OPTION.sub(flag, str(message))
