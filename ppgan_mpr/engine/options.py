"""The values that options of a configuration may have."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, NamedTuple, Protocol

from ..checks import check_choice, shortened
from ..errors import UsageError


class Rule(Protocol):
    """What one option may be."""

    def check(self, name: str, value: Any) -> Any:
        """The value in its type.

        Args:
            name: of the option, for the message.
            value: what the user gave.

        Raises:
            UsageError: the option cannot have this value.
        """
        ...


class Number(NamedTuple):
    """A number, or a whole one, in a range.

    Attributes:
        low, high: smallest and largest value.
        whole: whole numbers only, which may be written like 1e5.
        open: low and high themselves are not allowed.
        open_above: high itself is not allowed.
        none: null is allowed.
        never: -1 is allowed, which PaddleGAN's options of an interval have for "never".
    """

    low: float = 0
    high: float = math.inf
    whole: bool = False
    open: bool = False
    open_above: bool = False
    none: bool = False
    never: bool = False

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if (self.none and value is None) or (self.never and value == -1):
            return value
        if not self._allows(value):
            raise UsageError(f"{name} is {shortened(value)}: give {self.wanted()}.")
        return int(value) if self.whole else value

    def _allows(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        above = self.low < value if self.open else self.low <= value
        below = value < self.high if self.open or self.open_above else value <= self.high
        return above and below and math.isfinite(value) and not (self.whole and value != int(value))

    def wanted(self) -> str:
        """What to give, for messages, such as ``a whole number from 1 on``."""
        kind = "a whole number" if self.whole else "a number"
        bounded = self.high != math.inf
        if self.open:
            span = f"above {self.low}" + (f" and below {self.high}" if bounded else "")
        else:
            end = f", below {self.high}" if self.open_above else f" to {self.high}"
            span = f"from {self.low}" + (end if bounded else " on")
        return f"{kind} {span}" + (", or null" * self.none) + (", or -1 for never" * self.never)


class Choice(NamedTuple):
    """One of some words."""

    words: tuple[str, ...]

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        check_choice(name, value, self.words)
        return value


class NumberList(NamedTuple):
    """A list of numbers, which may be written like 1e-6.

    Attributes:
        item: what each of them may be.
    """

    item: Number

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        try:
            if not isinstance(value, (list, tuple)) or not value:
                raise ValueError
            # "1e-6" is a string to yaml.
            numbers = [float(item) if isinstance(item, str) else item for item in value]
            return [self.item.check(name, number) for number in numbers]
        except (ValueError, UsageError):
            wanted = f"a list, each item {self.item.wanted()}"
            raise UsageError(f"{name} is {shortened(value)}: give {wanted}.") from None


class Flag:
    """Yes or no."""

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if not isinstance(value, bool):
            raise UsageError(f"{name} is {shortened(value)}: give true or false.")
        return value


class SectionRule(NamedTuple):
    """A section with at least the options ``needed``."""

    needed: tuple[str, ...] = ()
    none: bool = False

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if self.none and value is None:
            return value
        if not isinstance(value, dict) or any(key not in value for key in self.needed):
            inside = f" with {' and '.join(self.needed)}" if self.needed else ""
            null = ", or null" * self.none
            raise UsageError(f"{name} is {shortened(value)}: give a section{inside}{null}.")
        return value


class Text:
    """A name or path."""

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if not isinstance(value, str) or not value:
            raise UsageError(
                f"{name} is {shortened(value)}: give a text, in quotes if it looks like a number."
            )
        return value


COUNT = Number(1, whole=True)
POSITIVE_OR_NULL = Number(open=True, none=True)
AMP_LEVEL = Choice(("O1", "O2"))  # how much of the network computes in 16 bits
AMP_DTYPE = Choice(("auto", "bfloat16", "float16"))


# Words of an annotation → the types that a yaml's value may have, and how a message calls them.
_SEQUENCE = ((list, tuple), "a list")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "str": ((str,), "a text"),
    "None": ((type(None),), "null"),
    **dict.fromkeys(("Sequence", "list", "tuple", "List", "Tuple"), _SEQUENCE),
}


def check_argument(name: str, value: Any, parameter: inspect.Parameter) -> Any:
    """Compare the type of an option with that of the argument that it becomes.

    The argument's type is its annotation, or else that of its default value. Types other than
    numbers, texts, flags and lists are left to the class that takes the argument.

    Args:
        name: of the option, for the message.
        value: what the user gave.
        parameter: the argument, from a signature.

    Returns:
        The value; a whole number written like 1e5 as an int.

    Raises:
        UsageError: the argument cannot have a value of this type.
    """
    words = type_words(_type_of(parameter))
    if not words or any(word not in _KINDS for word in words):
        return value
    allowed = tuple(kind for word in words for kind in _KINDS[word][0])
    if isinstance(value, float) and float not in allowed and int in allowed and value.is_integer():
        return int(value)
    # bool is a subclass of int, and no number that a user means
    fits = bool in allowed if isinstance(value, bool) else isinstance(value, allowed)
    if not fits:
        wanted = " or ".join(dict.fromkeys(_KINDS[word][1] for word in words))
        raise UsageError(f"{name} is {shortened(value)}: give {wanted}.")
    return value


def _type_of(parameter: inspect.Parameter) -> str:
    """The type of an argument as text, because Python 3.9 cannot evaluate ``int | None``."""
    if parameter.annotation is not parameter.empty:
        return inspect.formatannotation(parameter.annotation).strip("'\"")
    if parameter.default in (parameter.empty, None):
        return ""
    return type(parameter.default).__name__


def type_words(annotation: str) -> list[str]:
    """The types that an annotation names, such as ``["Sequence", "None"]``; none where unknown."""
    text = annotation
    while "[" in text and text != (shorter := re.sub(r"\[[^\[\]]*\]", "", text)):
        text = shorter
    return [word.strip().rpartition(".")[2] for word in text.split("|")] if text else []
