"""Command-line flags for the options of restoration (:class:`~ppgan_mpr.InferenceOptions`)."""

from __future__ import annotations

import argparse
from dataclasses import Field
from typing import Any, Protocol

from ..errors import UsageError
from ..inference.options import InferenceOptions

# Options whose flags add_restoration_flags writes out itself; `progress` gets none.
_OWN_FORM = ("existing", "progress", "recursive", "suffix")
_SHORT = {"model": "-m", "network": "-n", "jobs": "-j"}
_SAME = object()


class Flags(Protocol):
    """A parser, or one of its groups."""

    def add_argument(self, *names: str, **form: Any) -> argparse.Action:
        """Add a flag; see :meth:`argparse.ArgumentParser.add_argument`."""


def add_inference_flag(flags: Flags, option: Field[Any], default: Any = _SAME) -> None:
    """Add the flag of one option, with its help, choices and default value.

    Args:
        flags: parser or group for the flag.
        option: one of :meth:`~ppgan_mpr.InferenceOptions.documented`.
        default: the command's own default value, if it differs from the option's.
    """
    details = option.metadata
    names = [_SHORT[option.name]] if option.name in _SHORT else []
    names.append(f"--{option.name.replace('_', '-')}")
    if "_" in option.name:  # most programs use hyphens, PaddleGAN uses underscores
        names.append(f"--{option.name}")
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


def add_restoration_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of all options of restoration; see :func:`chosen_options`."""
    groups: dict[str, Any] = {}
    help_of = {}
    parser.add_argument("--cpu", action="store_true", help="the same as --device cpu")
    for option in InferenceOptions.documented():
        details = option.metadata
        help_of[option.name] = details["help"]
        place: Any = parser
        if "group" in details:
            if details["group"] not in groups:
                groups[details["group"]] = parser.add_argument_group(details["group"])
            place = groups[details["group"]]
        if option.name not in _OWN_FORM:
            add_inference_flag(place, option)
    add = parser.add_argument
    add("-r", "--recursive", action="store_true", help=help_of["recursive"])
    add("--format", dest="suffix", metavar="FORMAT", help=help_of["suffix"])
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace earlier outputs")
    existing.add_argument("--skip-existing", action="store_true", help="keep up-to-date outputs")


def chosen_options(arguments: argparse.Namespace) -> InferenceOptions:
    """The options that the user chose with the flags of :func:`add_restoration_flags`.

    Raises:
        UsageError: flags contradict each other, or a value is invalid.
    """
    given = vars(arguments)
    if arguments.cpu and arguments.device not in ("auto", "cpu"):
        raise UsageError(f"--cpu contradicts --device {arguments.device}: give one of them.")
    names = [option.name for option in InferenceOptions.documented() if option.name in given]
    options = {name: given[name] for name in names}
    if arguments.cpu:
        options["device"] = "cpu"
    if arguments.overwrite or arguments.skip_existing:
        options["existing"] = "overwrite" if arguments.overwrite else "skip"
    return InferenceOptions(**options)
