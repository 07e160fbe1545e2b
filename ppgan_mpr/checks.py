"""Checks of option values: numbers in a range, names from a list, and the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .errors import UsageError


def check_whole_number(
    name: str, value: object, low: int, high: int, *, optional: bool = False, high_is: str = ""
) -> None:
    """Raise UsageError unless ``value`` is an int from ``low`` to ``high``.

    Args:
        name: name of the option, for the message.
        value: the user's value.
        low, high: smallest and largest number allowed.
        optional: None is allowed too.
        high_is: what ``high`` is, such as ``a quarter of tile=64``; added to the message.
    """
    if optional and value is None:
        return
    # bool is a subclass of int, but True is no number to a user
    if type(value) is not int or not low <= value <= high:
        most = f"{high}, {high_is}" if high_is else high
        raise UsageError(f"{name}={value!r}: give a whole number from {low} to {most}.")


def check_fraction(name: str, value: object) -> None:
    """Raise UsageError unless ``value`` is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise UsageError(f"{name}={value!r}: give a number from 0 to 1.")


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise UsageError unless ``value`` is one of ``choices``."""
    choices = tuple(choices)
    if value not in choices:
        hint = did_you_mean(str(value), map(str, choices))
        raise UsageError(f"{name}={value!r}: {hint}")


def exact_name(kind: str, written: object, names: Iterable[str]) -> str:
    """The entry of ``names`` that equals ``written`` except for upper and lower case.

    Args:
        kind: what the name stands for, such as ``task``, for the message.
        written: the name as the user wrote it.
        names: the correct spellings.

    Raises:
        UsageError: there is no such name; the message suggests the nearest one.
    """
    names = tuple(names)
    by_lower = {name.lower(): name for name in names}
    lower = str(written).lower()
    if lower in by_lower:
        return by_lower[lower]
    raise UsageError(f"{kind}={written!r}: {did_you_mean(str(written), names)}")


def did_you_mean(written: str, names: Iterable[str]) -> str:
    """A hint for a wrong name: ``did you mean X?``, or a list of all names if none is similar."""
    names = tuple(names)
    near = nearest(written, names, cutoff=0.5)
    return f"did you mean {near}?" if near else f"choose one of {', '.join(names)}."


def nearest(written: str, names: Iterable[str], cutoff: float) -> str | None:
    """The entry of ``names`` that is most similar to ``written``; case is ignored.

    Args:
        written: the name as the user wrote it.
        names: the correct spellings.
        cutoff: lowest similarity that counts, from 0 to 1 (difflib's ratio).

    Returns:
        The name, or None if no name is similar enough.
    """
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(written.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None


def shortened(value: object) -> str:
    """``repr(value)`` for a message; if longer than 200 characters, its middle is left out."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]}"
