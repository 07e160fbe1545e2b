import re

import pytest


def commands(text):
    """The code blocks, comments left out."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    return [re.sub(r"\s+#.*", "", block) for block in blocks]


def test_the_translation_gives_the_same_commands(root):
    english, chinese = (
        commands((root / name).read_text(encoding="utf-8"))
        for name in ("README.md", "README_cn.md")
    )
    assert len(english) >= 4
    assert english == chinese


@pytest.mark.parametrize("name", ["README.md", "README_cn.md", "docs"])
def test_links_lead_somewhere(root, name):
    files = [root / name] if name.endswith(".md") else sorted((root / name).glob("*.md"))
    for file in files:
        for target in re.findall(r"\]\((?!http)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
