"""Profiling of iterations, with PaddleGAN's option ``profiler_options`` and Paddle's profiler.

PaddleGAN calls ``paddle.utils.profiler``, which Paddle has removed. The syntax of the option stays:
``"batch_range=[10, 20]; state=CPU; profile_path=trace"``.
"""

from __future__ import annotations

import ast
from typing import Any

from ..checks import check_choice, did_you_mean
from ..errors import UsageError

_DEFAULTS = {
    "batch_range": [10, 20],
    "state": "All",
    "sorted_key": "total",
    "profile_path": "profile",
    "exit_on_finished": True,
}
_TARGETS = {"CPU": ["CPU"], "GPU": ["GPU"], "All": ["CPU", "GPU"]}
_SORTED_KEYS = {"total": "CPUTotal", "max": "CPUMax", "min": "CPUMin", "ave": "CPUAvg"}


def parse_options(text: str) -> dict[str, Any]:
    """Parse ``"key=value; key=value"`` with PaddleGAN's keys.

    Raises:
        UsageError: a key is unknown or a value is invalid.
    """
    options: dict[str, Any] = dict(_DEFAULTS)
    for pair in filter(None, (part.strip() for part in text.split(";"))):
        key, _, value = (piece.strip() for piece in pair.partition("="))
        if key not in options:
            raise UsageError(f"profiler_options has no {key!r}: {did_you_mean(key, options)}")
        try:
            options[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[key] = value
    start, stop = options["batch_range"] if _is_pair(options["batch_range"]) else (0, 0)
    if not 0 <= start < stop:
        raise UsageError(
            "profiler_options: batch_range must be two ascending iterations such as [10, 20]."
        )
    check_choice("profiler_options: state", options["state"], _TARGETS)
    check_choice("profiler_options: sorted_key", options["sorted_key"], _SORTED_KEYS)
    return options


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and [type(item) for item in value] == [int, int]


def _on_gpu() -> bool:
    import paddle

    return paddle.get_device().startswith("gpu")


class TrainingProfiler:
    """Profiles the iterations ``batch_range`` and writes a Chrome trace.

    Iterations are counted from where training starts or resumes.

    Args:
        options: the result of :func:`parse_options`.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        from paddle import profiler

        self._options = options
        names = [n for n in _TARGETS[options["state"]] if n == "CPU" or _on_gpu()]
        self._profiler = profiler.Profiler(
            targets=[getattr(profiler.ProfilerTarget, name) for name in names],
            scheduler=tuple(options["batch_range"]),
            on_trace_ready=profiler.export_chrome_tracing(options["profile_path"]),
        )
        self._sorted_by = getattr(profiler.SortedKeys, _SORTED_KEYS[options["sorted_key"]])
        self._iterations = 0
        self._profiler.start()

    def step(self) -> bool:
        """Call this after each iteration; returns whether the run should end."""
        self._iterations += 1
        if self._iterations < self._options["batch_range"][1]:
            self._profiler.step()
            return False
        if self._iterations == self._options["batch_range"][1]:
            self._profiler.stop()
            self._profiler.summary(sorted_by=self._sorted_by)
            return bool(self._options["exit_on_finished"])
        return False
