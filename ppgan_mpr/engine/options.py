"""Which values the options of a configuration may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..errors import UsageError


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

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.open:
            span = f"above {self.low}" + (f" and below {self.high}" if self.bounded else "")
        else:
            span = f"from {self.low}" + (f" to {self.high}" if self.bounded else " on")
        return f"{kind} {span}" + (", or null" * self.none) + (", or -1 for never" * self.never)

    @property
    def bounded(self) -> bool:
        return self.high != math.inf

    def read(self, value: Any) -> Any:
        """The value in its type.

        Raises:
            ValueError: it is none of these.
        """
        if (self.none and value is None) or (self.never and value == -1):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError
        inside = self.low < value < self.high if self.open else self.low <= value <= self.high
        if not inside or not math.isfinite(value) or (self.whole and value != int(value)):
            raise ValueError
        return int(value) if self.whole else value


class Choice(NamedTuple):
    """One of some words."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return " or ".join(self.words)

    def read(self, value: Any) -> Any:
        """See :meth:`Number.read`."""
        if value not in self.words:
            raise ValueError
        return value


class Flag(NamedTuple):
    """Yes or no."""

    def __str__(self) -> str:
        return "true or false"

    def read(self, value: Any) -> Any:
        """See :meth:`Number.read`."""
        if not isinstance(value, bool):
            raise ValueError
        return value


class Section(NamedTuple):
    """Options of its own, with at least some of them."""

    needed: tuple[str, ...] = ()
    none: bool = False

    def __str__(self) -> str:
        inside = f" with {' and '.join(self.needed)}" if self.needed else ""
        return f"a section{inside}" + (", or null" * self.none)

    def read(self, value: Any) -> Any:
        """See :meth:`Number.read`."""
        if self.none and value is None:
            return value
        if not isinstance(value, dict) or any(key not in value for key in self.needed):
            raise ValueError
        return value


class Text(NamedTuple):
    """A name or path."""

    def __str__(self) -> str:
        return "a text, in quotes if it looks like a number"

    def read(self, value: Any) -> Any:
        """See :meth:`Number.read`."""
        if not isinstance(value, str) or not value:
            raise ValueError
        return value


_FLAG = Flag()
_COUNT = Number(1, whole=True)
_FROM_ZERO = Number(whole=True)
_POSITIVE = Number(open=True)

#: Option, in the whole configuration, -> what it may be. An asterisk stands for any part.
RULES: dict[str, Any] = {
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
    "accumulate": _COUNT,
    "clip_grad_norm": Number(open=True, none=True),
    "ema_decay": Number(0, 1, open=True, none=True),
    "amp": _FLAG,
    "amp_level": Choice(("O1", "O2")),
    "amp_dtype": Choice(("bfloat16", "float16")),
    "enable_visualdl": _FLAG,
    "mixup.alpha": _POSITIVE,
    "mixup.start_iter": _FROM_ZERO,
    "mixup.probability": Number(0, 1),
    "model.generator": Section(("name",)),
    "model.*_criterion": Section(("name",), none=True),
    "model.*_criterion.reduction": Choice(("mean", "sum")),
    "model.*_criterion.eps": Number(),
    "model.edge_weight": Number(),
    "model.clip_output": _FLAG,
    "model.generator.n_*": _COUNT,
    "model.generator.num_*": _COUNT,
    "model.generator.scale*": _COUNT,
    "model.generator.*kernel_size": _COUNT,
    "model.generator.reduction": _COUNT,
    "model.generator.chan_factor": _POSITIVE,
    "dataset.train": Section(("name",), none=True),
    "dataset.test": Section(("name",), none=True),
    "dataset.*.batch_size": _COUNT,
    "dataset.*.num_workers": _FROM_ZERO,
    "dataset.*.use_shared_memory": _FLAG,
    "dataset.*.img_options": Section(none=True),
    "dataset.*.img_options.cache_gb": Number(),
    "dataset.*.rgb_dir": Text(),
    "dataset.*.dataset.rgb_dir": Text(),
    "lr_scheduler.learning_rate": _POSITIVE,
    "lr_scheduler.warmup_iters": _FROM_ZERO,
    "lr_scheduler.eta_min": Number(),
    "optimizer.beta?": Number(0, 1),
    "optimizer.epsilon": _POSITIVE,
    "optimizer.weight_decay": Number(none=True),
    "validate.interval": Number(1, whole=True, never=True),
    "validate.save_*": _FLAG,
    "validate.metrics": Section(none=True),
    "*_config.interval": _COUNT,
    "*_config.visiual_interval": _COUNT,
    "snapshot_config.keep": _COUNT,
}


def check_values(config: dict) -> None:
    """Compare every option with :data:`RULES`, and give whole numbers their type.

    Raises:
        UsageError: the first option with a value that it cannot have, or a missing section.
    """
    for section in ("model", "dataset", "output_dir", "log_config", "snapshot_config"):
        config.setdefault(section, None)
    _check(config, "")


def is_text(path: str) -> bool:
    """Whether an option is a text whatever it looks like: a folder may be called 2024."""
    return any(isinstance(rule, Text) for rule in _rules(path))


def _rules(path: str) -> Iterator:
    for pattern, rule in RULES.items():
        # An asterisk stands for a part of one name, not for several names.
        if pattern.count(".") == path.count(".") and fnmatchcase(path, pattern):
            yield rule


def _check(node: dict, where: str) -> None:
    for key, value in node.items():
        path = f"{where}{key}"
        for rule in _rules(path):
            try:
                node[key] = rule.read(value)
            except ValueError:
                raise UsageError(f"{path} is {value!r}: give {rule}.") from None
        if isinstance(value, dict):
            _check(value, f"{path}.")
