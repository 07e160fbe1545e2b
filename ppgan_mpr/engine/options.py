"""The values that options of a configuration may have."""

from __future__ import annotations

import math
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
    "model.generator": Section(("name",)),
    "model.*_criterion": Section(("name",), none=True),
    "model.*_criterion.reduction": Choice(("mean", "sum")),
    "model.*_criterion.eps": Number(),
    "model.edge_weight": Number(),
    "model.clip_output": _FLAG,
    "model.generator.n_*": COUNT,
    "model.generator.num_*": COUNT,
    "model.generator.scale*": COUNT,
    "model.generator.*kernel_size": COUNT,
    "model.generator.reduction": COUNT,
    "model.generator.width": COUNT,
    "model.generator.*_blk_num": COUNT,
    "model.generator.chan_factor": POSITIVE,
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
