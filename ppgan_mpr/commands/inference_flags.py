"""Options of restoration as flags of a command line."""

from __future__ import annotations

import argparse
from dataclasses import Field
from typing import Any, Protocol

_SHORT = {"model": "-m", "network": "-n", "jobs": "-j"}
_SAME = object()


class Flags(Protocol):
    """A parser, or one of its groups."""

    def add_argument(self, *names: str, **form: Any) -> argparse.Action:
        """Add a flag; see :meth:`argparse.ArgumentParser.add_argument`."""


def add_inference_flag(flags: Flags, option: Field[Any], default: Any = _SAME) -> None:
    """Add the flag of one option, with its help, choices and default value.

    Args:
        flags: the parser or the group that gets it.
        option: one of :meth:`~ppgan_mpr.InferenceOptions.documented`.
        default: the command's own default value; default: that of the option.
    """
    details = option.metadata
    names = [_SHORT[option.name]] if option.name in _SHORT else []
    names.append(f"--{option.name}")
    if "_" in option.name:  # PaddleGAN has underscores, most programs have hyphens
        names.append(f"--{option.name.replace('_', '-')}")
    if default is _SAME:
        default = option.default
    if isinstance(default, bool):
        flags.add_argument(*names, action="store_true", help=details["help"])
        return
    if details.get("choices") == (True, False):  # --name, --no-name, or neither
        flags.add_argument(*names, action=argparse.BooleanOptionalAction, help=details["help"])
        return
    shown = details["help"] if default is None else f"{details['help']} (default: {default})"
    form: dict[str, Any] = {
        "type": {"N": int, "S": float}.get(details.get("metavar", ""), str),
        "metavar": details.get("metavar"),
    }
    if "choices" in details:
        form = {"type": str.lower, "choices": details["choices"]}
    flags.add_argument(*names, default=default, help=shown, **form)
