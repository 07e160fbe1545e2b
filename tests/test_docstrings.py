"""The examples in docstrings give the results that they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ppgan_mpr"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_give_the_results_shown(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_some_examples_are_run():
    finder = doctest.DocTestFinder()
    modules = map(importlib.import_module, MODULES)
    examples = [e for module in modules for found in finder.find(module) for e in found.examples]
    assert sum(doctest.SKIP not in example.options for example in examples) > 10
