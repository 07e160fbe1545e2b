import re

import pytest
from documented_commands import blocks

from ppgan_mpr.networks import networks


def test_chinese_readme_has_the_same_commands(root):
    english, chinese = (blocks(root / name) for name in ("README.md", "README_cn.md"))
    assert len(english) >= 4
    assert len(english) == len(chinese)
    for one, other in zip(english, chinese):
        assert (one.language, one.untranslated) == (other.language, other.untranslated)
        marked = [[command.reason is not None for command in b.commands] for b in (one, other)]
        assert marked[0] == marked[1], other.place


@pytest.mark.parametrize("name", ["README.md", "README_cn.md", "docs"])
def test_targets_of_links_exist(root, name):
    files = [root / name] if name.endswith(".md") else sorted((root / name).rglob("*.md"))
    for file in files:
        for target in re.findall(r"\]\((?!http)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_page_on_training_names_every_class_that_the_plugin_registers(root):
    text = (root / "docs" / "training.md").read_text(encoding="utf-8")
    for spec in networks():
        for role, name in spec.plugin_names.items():
            assert role == "generator" or re.search(rf"\b{name}\b", text), name


def test_page_on_performance_states_the_size_multiple_of_every_network(root):
    text = (root / "docs" / "performance.md").read_text(encoding="utf-8")
    multiples = re.search(r"must be\s+multiples of (.*?)\. The", text, re.DOTALL)[1]
    for spec in networks():
        found = re.search(rf"(\d+) \([^)]*{spec.title}\b[^)]*\)", multiples)
        assert found and int(found[1]) == spec.size_multiple, spec.title
