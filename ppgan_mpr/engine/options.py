"""Rules for the values of options in a configuration."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, NamedTuple, Protocol

from ..checks import check_choice, shortened
from ..errors import UsageError


class Rule(Protocol):
    """A rule for the value of one option."""

    def check(self, name: str, value: Any) -> Any:
        """Check a value and convert it to its type.

        Args:
            name: name of the option, for the message.
            value: the user's value.

        Raises:
            UsageError: the option cannot have this value.
        """
        ...


class Number(NamedTuple):
    """A number or whole number in a range.

    Attributes:
        low, high: smallest and largest value.
        whole: only whole numbers are allowed, also in forms such as 1e5.
        open: low and high are excluded.
        open_above: high is excluded.
        none: null is allowed.
        never: -1 is allowed, which means "never" in PaddleGAN's interval options.
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
        """The allowed values, for messages, such as ``a whole number from 1 on``."""
        kind = "a whole number" if self.whole else "a number"
        bounded = self.high != math.inf
        if self.open:
            span = f"above {self.low}" + (f" and below {self.high}" if bounded else "")
        else:
            end = f", below {self.high}" if self.open_above else f" to {self.high}"
            span = f"from {self.low}" + (end if bounded else " on")
        return f"{kind} {span}" + (", or null" * self.none) + (", or -1 for never" * self.never)


class Choice(NamedTuple):
    """One of several words."""

    words: tuple[str, ...]

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        check_choice(name, value, self.words)
        return value


class NumberList(NamedTuple):
    """A list of numbers, which may have forms such as 1e-6.

    Attributes:
        item: the rule for each number.
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
    """True or false."""

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if not isinstance(value, bool):
            raise UsageError(f"{name} is {shortened(value)}: give true or false.")
        return value


class SectionRule(NamedTuple):
    """A section that has at least the options ``needed``."""

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


# Word of an annotation → allowed types of a yaml value, and their name in messages.
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
    """Compare the type of an option's value with the type of the class's argument.

    The argument's type is its annotation, or else the type of its default. Only numbers, texts,
    flags and lists are checked; other types are left to the class.

    Args:
        name: name of the option, for the message.
        value: the user's value.
        parameter: the argument, from a signature.

    Returns:
        The value; whole numbers such as 1e5 become int.

    Raises:
        UsageError: the argument cannot have a value of this type.
    """
    words = type_words(_type_of(parameter))
    if not words or any(word not in _KINDS for word in words):
        return value
    allowed = tuple(kind for word in words for kind in _KINDS[word][0])
    if isinstance(value, float) and float not in allowed and int in allowed and value.is_integer():
        return int(value)
    # bool is a subclass of int, but true and false are not numbers
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
    """The types in an annotation, such as ``["Sequence", "None"]``; empty if unknown."""
    text = annotation
    while "[" in text and text != (shorter := re.sub(r"\[[^\[\]]*\]", "", text)):
        text = shorter
    return [word.strip().rpartition(".")[2] for word in text.split("|")] if text else []
