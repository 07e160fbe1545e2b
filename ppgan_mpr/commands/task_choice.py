"""The option ``--task``: one task, several in order, or ``auto``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..file_names import shown
from .flags import as_flags

if TYPE_CHECKING:
    from ..apps.choice import AnyPredictor
    from ..apps.result import ResultRecord
    from ..apps.sources import Source
    from ..detection import Finding
    from ..inference import InferenceOptions

_MOST_NAMED = 20  # largest number of pictures that a printed command names
_OWN_FLAGS = ("model", "network", "existing", "recursive")  # better_commands sets or omits these

_HELP = (
    "one of the tasks that mprnet --help lists; A,B: first A, then B; auto: find the main defect "
    "of each picture, and choose the task that removes it"
)


def add_task_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag of the task, which several commands have."""
    parser.add_argument("-t", "--task", metavar="TASK", help=_HELP)


def add_weights_flag(parser: argparse.ArgumentParser, place: str = "") -> None:
    """Add the flag of a weights file.

    Args:
        parser: of the command.
        place: text to add to the help, such as where the file must be.
    """
    suffixes = ".pdparams, .pth, .safetensors"
    text = f"your own weights ({suffixes}){place}"
    parser.add_argument("--weight_path", metavar="FILE", help=text)


def check_task(task: str | None, sources: list[Source], weight_path: str | None) -> None:
    """Check, before a network is loaded, that a task exists and fits the other options.

    Raises:
        UsageError: it does not exist or does not fit.
    """
    from ..apps.task_names import AUTO, is_auto, steps_of
    from ..apps.views import check_views

    if task is None:
        return
    steps = () if is_auto(task) else steps_of(task)
    if weight_path and len(steps) != 1:
        raise UsageError(
            f"weight_path= holds the weights of one task, but task={task!r} may need those of "
            "several: leave out weight_path=, or name one task."
        )
    for step in steps:
        check_views(sources, step)
    if not steps and any(source.right for source in sources):
        raise UsageError(f"task={AUTO!r} does not accept right views: name the task.")


def task_steps(task: str | None) -> int:
    """The number of networks that each picture passes through with this ``--task``."""
    from ..apps.task_names import is_auto, steps_of

    return 1 if task is None or is_auto(task) else len(steps_of(task))


def make_predictor(
    task: str | None,
    output_path: Path | None,
    weight_path: str | None,
    *,
    ask: bool,
    **arguments: Any,
) -> AnyPredictor:
    """The predictor for the value of ``--task``.

    Args:
        task: the value of ``--task``.
        output_path, weight_path: see :class:`~ppgan_mpr.apps.predictor.Predictor`.
        ask: ask on the terminal about pictures that ``auto`` is not sure of.
        **arguments: further arguments of the predictor.
    """
    from ..apps.choice import predictor_for

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    choose = ask_person if ask and terminal else None
    return predictor_for(task, output_path, weight_path, choose, **arguments)


def better_commands(
    records: Iterable[ResultRecord], options: InferenceOptions, output_path: Path
) -> list[str]:
    """Commands with better weights for the pictures that ``auto`` restored with weak weights.

    Args:
        records: the run's records.
        options: the run's options.
        output_path: the run's output path.
    """
    from ..weights import stronger_than
    from ..weights.catalogue import record_of_name

    pictures: dict[str, list[str]] = {}
    for record in records:
        if record.error is None and record.detected and record.task:
            pictures.setdefault(record.weights, []).append(record.source)
    commands = []
    for name, sources in pictures.items():
        used = record_of_name(name)
        better = stronger_than(used) if used and used.weakness else None
        if better is None:
            continue
        named = [shlex.join(sources)] if len(sources) <= _MOST_NAMED else ["PICTURE..."]
        words = ["--task", better.task, "--model", better.model, "--overwrite"]
        words += ["--network", better.network] if better.qualified else []
        words += ["--output_path", os.fspath(output_path), *_other_flags(options)]
        commands.append(" ".join(["mprnet", *named, shlex.join(words)]))
    return commands


def _other_flags(options: InferenceOptions) -> list[str]:
    """The flags of options that are not at their defaults, except those of weights and files."""
    words = []
    for option in options.documented():
        value = getattr(options, option.name)
        if option.name not in _OWN_FLAGS and value not in (None, option.default):
            words += as_flags(f"{option.name}={value!r}").split(" ", 1)
    return words


def ask_person(name: str, finding: Finding, read: Callable[[str], str] = input) -> str | None:
    """Ask on the terminal whether to remove a degradation that was perhaps found.

    Args:
        name: name of the picture.
        finding: the uncertain finding.
        read: prints a question and reads the answer.

    Returns:
        The degradation to remove, or None.
    """
    from tqdm import tqdm

    with tqdm.external_write_mode():
        try:
            answer = read(f"{shown(name)}: perhaps {finding}. Restore it? [y/N] ")
        except EOFError:
            return None
    return finding.degradation if answer.strip().lower() in ("y", "yes") else None
