"""Translates option names in messages from Python's spelling to command-line flags."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Options whose flag depends on the value.
_WITH_VALUE = {("existing", "overwrite"): "--overwrite", ("existing", "skip"): "--skip-existing"}
# Python's name -> flag, for names that differ from the flag or are not in InferenceOptions.
_NAMES = {
    "address": "--address",
    "codec": "--codec",
    "crf": "--crf",
    "dataset": "--dataset",
    "format": "--format",
    "half": "--half",
    "large": "--large",
    "limit": "--limit",
    "output": "--output",
    "output_path": "--output_path",
    "overwrite": "--overwrite",
    "protocol": "--protocol",
    "right": "--right_image",
    "suffix": "--format",
    "task": "--task",
    "tolerance": "--tolerance",
    "torch_names": "--torch-names",
    "weight_path": "--weight_path",
}
# name=value as the library writes it, but not inside a file name.
_OPTION = re.compile(
    r"(?<![\w/\\.-])([a-z_]+)=('[^']*'|\"[^\"]*\"|True|False|-?\d+(?:\.\d+)?|)(?=[\s,;:)]|\.(?:\s|$)|$)"
)


def as_flags(message: object, names: Mapping[str, str] | None = None) -> str:
    """A library message in which options such as ``existing='skip'`` are replaced by flags.

    The library writes options as in Python; ``task=`` names an option without a value.

    Args:
        message: the library's message.
        names: Python's name → flag for the options of the command; default: the options of
            restoration. Other words stay as they are.
    """
    known = _restoration() if names is None else names

    def flag(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("'\"")
        if name not in known:
            return match[0]
        special = _WITH_VALUE.get((name, value))
        if value == "False":
            return known[name].replace("--", "--no-")
        return special or f"{known[name]}{f' {value}' if value not in ('', 'True') else ''}"

    return _OPTION.sub(flag, str(message))


def _restoration() -> dict[str, str]:
    from ..inference.options import InferenceOptions

    return {
        **{o.name: f"--{o.name.replace('_', '-')}" for o in InferenceOptions.documented()},
        **_NAMES,
    }
