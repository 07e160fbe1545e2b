"""The values that options of a configuration may have."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Protocol

from ..checks import check_choice
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
        none: null is allowed.
        never: -1 is allowed, which PaddleGAN's options of an interval have for "never".
    """

    low: float = 0
    high: float = math.inf
    whole: bool = False
    open: bool = False
    none: bool = False
    never: bool = False

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if (self.none and value is None) or (self.never and value == -1):
            return value
        if not self._allows(value):
            raise UsageError(f"{name} is {value!r}: give {self._wanted()}.")
        return int(value) if self.whole else value

    def _allows(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        inside = self.low < value < self.high if self.open else self.low <= value <= self.high
        return inside and math.isfinite(value) and not (self.whole and value != int(value))

    def _wanted(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        bounded = self.high != math.inf
        if self.open:
            span = f"above {self.low}" + (f" and below {self.high}" if bounded else "")
        else:
            span = f"from {self.low}" + (f" to {self.high}" if bounded else " on")
        return f"{kind} {span}" + (", or null" * self.none) + (", or -1 for never" * self.never)


class Choice(NamedTuple):
    """One of some words."""

    words: tuple[str, ...]

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        check_choice(name, value, self.words)
        return value


class Flag:
    """Yes or no."""

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if not isinstance(value, bool):
            raise UsageError(f"{name} is {value!r}: give true or false.")
        return value


class Section(NamedTuple):
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
            raise UsageError(f"{name} is {value!r}: give a section{inside}{null}.")
        return value


class Text:
    """A name or path."""

    def check(self, name: str, value: Any) -> Any:
        """See :meth:`Rule.check`."""
        if not isinstance(value, str) or not value:
            raise UsageError(
                f"{name} is {value!r}: give a text, in quotes if it looks like a number."
            )
        return value


COUNT = Number(1, whole=True)
POSITIVE = Number(open=True)
POSITIVE_OR_NULL = Number(open=True, none=True)
_FLAG = Flag()
_FROM_ZERO = Number(whole=True)
AMP_LEVEL = Choice(("O1", "O2"))  # how much of the network computes in 16 bits
AMP_DTYPE = Choice(("bfloat16", "float16"))

#: Path of an option in the configuration → what it may be; ``*`` stands for any part of a name.
RULES: dict[str, Rule] = {
    "model": Section(("name",)),
    "dataset": Section(),
    "log_config": Section(("interval", "visiual_interval")),
    "snapshot_config": Section(("interval",)),
    "lr_scheduler": Section(("name",), none=True),
    "optimizer": Section(("name",), none=True),
    "validate": Section(none=True),
    "mixup": Section(none=True),
    "output_dir": Text(),
    "total_iters": Number(1, whole=True, none=True),
    "epochs": Number(1, whole=True, none=True),
    "seed": _FROM_ZERO,
    "accumulate": COUNT,
    "total_batch_size": Number(1, whole=True, none=True),
    "clip_grad_norm": POSITIVE_OR_NULL,
    "ema_decay": Number(0, 1, open=True, none=True),
    "amp": _FLAG,
    "amp_level": AMP_LEVEL,
    "amp_dtype": AMP_DTYPE,
    "enable_visualdl": _FLAG,
    "mixup.alpha": POSITIVE,
    "mixup.start_iter": _FROM_ZERO,
    "mixup.probability": Number(0, 1),
    "mixup.per_pair": _FLAG,
    "model.generator": Section(("name",)),
    "model.*_criterion": Section(("name",), none=True),
    "model.*_criterion.reduction": Choice(("mean", "sum")),
    "model.*_criterion.eps": Number(),
    "model.edge_weight": Number(),
    "model.clip_output": _FLAG,
    "dataset.train": Section(("name",), none=True),
    "dataset.test": Section(("name",), none=True),
    "dataset.*.batch_size": COUNT,
    "dataset.*.num_workers": _FROM_ZERO,
    "dataset.*.use_shared_memory": _FLAG,
    "dataset.*.img_options": Section(none=True),
    "dataset.*.img_options.cache_gb": Number(),
    "dataset.*.rgb_dir": Text(),
    "dataset.*.dataset.rgb_dir": Text(),
    "lr_scheduler.learning_rate": POSITIVE,
    "lr_scheduler.warmup_iters": _FROM_ZERO,
    "lr_scheduler.eta_min": Number(),
    "optimizer.beta?": Number(0, 1),
    "optimizer.epsilon": POSITIVE,
    "optimizer.weight_decay": Number(none=True),
    "validate.interval": Number(1, whole=True, never=True),
    "validate.save_*": _FLAG,
    "validate.memory": Text(),
    "validate.metrics": Section(none=True),
    "*_config.interval": COUNT,
    "*_config.visiual_interval": COUNT,
    "snapshot_config.keep": COUNT,
}


def check_values(config: dict[str, Any]) -> None:
    """Compare every option with :data:`RULES`, and give whole numbers their type.

    Raises:
        UsageError: the first option with a value that it cannot have, or a missing section.
    """
    for section in ("model", "dataset", "output_dir", "log_config", "snapshot_config"):
        config.setdefault(section, None)
    _check(config, "")


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
    words = _type_words(parameter)
    if not words or any(word not in _KINDS for word in words):
        return value
    allowed = tuple(kind for word in words for kind in _KINDS[word][0])
    if isinstance(value, float) and float not in allowed and int in allowed and value.is_integer():
        return int(value)
    # bool is a subclass of int, and no number that a user means
    fits = bool in allowed if isinstance(value, bool) else isinstance(value, allowed)
    if not fits:
        wanted = " or ".join(dict.fromkeys(_KINDS[word][1] for word in words))
        raise UsageError(f"{name} is {value!r}: give {wanted}.")
    return value


def _type_words(parameter: inspect.Parameter) -> list[str]:
    """The types of an argument, such as ``["Sequence", "None"]``; none where unknown."""
    if parameter.annotation is not parameter.empty:
        # The text, because Python 3.9 cannot evaluate ``int | None``.
        text = inspect.formatannotation(parameter.annotation).strip("'\"")
        while "[" in text and text != (shorter := re.sub(r"\[[^\[\]]*\]", "", text)):
            text = shorter
        return [word.strip().rpartition(".")[2] for word in text.split("|")]
    if parameter.default in (parameter.empty, None):
        return []
    return [type(parameter.default).__name__]


def is_text(path: str) -> bool:
    """Whether an option is always a text: a folder may be called 2024."""
    return any(isinstance(rule, Text) for rule in _rules(path))


def _rules(path: str) -> Iterator[Rule]:
    for pattern, rule in RULES.items():
        # An asterisk stands for a part of one name, not for several names.
        if pattern.count(".") == path.count(".") and fnmatchcase(path, pattern):
            yield rule


def _check(node: dict[str, Any], where: str) -> None:
    for key, value in node.items():
        path = f"{where}{key}"
        for rule in _rules(path):
            node[key] = rule.check(path, value)
        if isinstance(value, dict):
            _check(value, f"{path}.")
