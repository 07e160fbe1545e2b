"""Writes docs/options.md, the table of all arguments, from their documentation in the code.

python tools/document_options.py [FILE]
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ppgan_mpr import InferenceOptions, Predictor  # noqa: E402

_INTRODUCTION = """\
# Options

This table lists every argument of the predictors in Python, and the flag of `mprnet` that sets it.
`InferenceOptions` takes the arguments of the row `network` and of all rows below it. A predictor
accepts them one by one, or together as `options`:

```python
from ppgan_mpr import InferenceOptions, MPRPredictor

MPRPredictor(task='Denoising', model='lite', strength=0.7)
MPRPredictor(task='Denoising', options=InferenceOptions(model='lite', strength=0.7))
```

`tools/document_options.py` generates this page from the code.

| argument | flag | default | what it does |
|---|---|---|---|
"""
# Arguments of predictors that have a flag.
_PREDICTOR_FLAGS = {
    "output_path": "`-o`, `--output_path PATH`",
    "weight_path": "`--weight_path FILE`",
    "task": "`-t`, `--task TASK`",
    "dry_run": "`--dry-run`",
}
# Options whose flag is not --NAME.
_OPTION_FLAGS = {
    "suffix": "`--format FORMAT`",
    "existing": "`--overwrite`, `--skip-existing`",
    "recursive": "`-r`, `--recursive`",
    "progress": "",
    "local": "`--local`, `--no-local`",
}


def page() -> str:
    """The page's text."""
    rows = (*_arguments(), *_options())
    return _INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _arguments() -> Iterator[tuple[str, str, str, str]]:
    """The rows of the predictors' own arguments."""
    parameters = inspect.signature(Predictor).parameters
    for name, text in _documented(inspect.getdoc(Predictor) or "").items():
        if name in parameters:  # not **changes, which are the options
            flag = _PREDICTOR_FLAGS.get(name, "")
            yield f"`{name}`", flag, _default(parameters[name].default), _cell(text)


def _options() -> Iterator[tuple[str, str, str, str]]:
    """The rows of the options."""
    for option in InferenceOptions.documented():
        details = option.metadata
        metavar = f" {details['metavar']}" if details.get("metavar") else ""
        flag = _OPTION_FLAGS.get(option.name, f"`--{option.name.replace('_', '-')}{metavar}`")
        yield f"`{option.name}`", flag, _default(option.default), _cell(str(details["help"]))


def _documented(docstring: str) -> dict[str, str]:
    """Name → description of the arguments in a docstring's section ``Args:``."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.M | re.S)
    entry = re.compile(r"^    (\S+): (.*?)(?=^    \S|\Z)", re.M | re.S)
    entries = entry.findall(section[1]) if section else []
    return {name: " ".join(text.split()) for name, text in entries}


def _default(value: Any) -> str:
    return "" if value is None else f"`{value!r}`"


def _cell(text: str) -> str:
    """A description as Markdown; if it is a single sentence, its full stop is removed."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text.replace("``", "`"))
    return (text if ". " in text else text.rstrip(".")).replace("|", "\\|")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "docs" / "options.md")
    parser.parse_args().file.write_text(page(), encoding="utf-8")
