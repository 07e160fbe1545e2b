"""Writes docs/options.md from the options themselves.

python tools/document_options.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ppgan_mpr import InferenceOptions  # noqa: E402

_INTRODUCTION = """\
# Options

Every option of restoration is an argument of the predictors in Python, a field of
`InferenceOptions`, and a flag of `mprnet`:

```python
from ppgan_mpr import InferenceOptions, MPRPredictor

MPRPredictor(task='Denoising', model='lite', strength=0.7)
MPRPredictor(task='Denoising', options=InferenceOptions(model='lite', strength=0.7))
```

This page is written by `tools/document_options.py`.

| argument | flag | default | what it does |
|---|---|---|---|
"""
# Flags that are not called like their options.
_FLAGS = {
    "suffix": "`--format FORMAT`",
    "existing": "`--overwrite`, `--skip-existing`",
    "recursive": "`-r`, `--recursive`",
    "progress": "",
    "local": "`--local`, `--no-local`",
}


def page() -> str:
    """The page's text."""
    rows = []
    for option in InferenceOptions.documented():
        details = option.metadata
        flag = f"`--{option.name}{' ' + details['metavar'] if details.get('metavar') else ''}`"
        default = "" if option.default is None else f"`{option.default!r}`"
        text = str(details["help"]).replace("|", "\\|")
        text = text[0].upper() + text[1:]
        rows.append(
            f"| `{option.name}` | {_FLAGS.get(option.name, flag)} | {default} | {text}. |\n"
        )
    return _INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "options.md"
    target.write_text(page(), encoding="utf-8")
