"""Finds the commands in the pages of the documentation, and those marked as not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

COMMANDS = ("bash", "python")  # languages of blocks whose commands run or are marked
OTHERS = ("text", "toml", "yaml", "nginx")  # languages of all other blocks
_MARK = re.compile(
    "(?:this project's tests do not run the block above: |not run by this project's tests: |"
    "本项目的测试不运行(?:上面的代码块|它)：)(.+)",
    re.I | re.S,
)
_COMMENT = re.compile(r"(?:^|\s+)#.*")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        place: the page and the line at which the block begins.
        language: the language it states; empty if it states none.
        text: the code.
        reason: why its commands are not run, stated under the block; None if they are run.
    """

    place: str
    language: str
    text: str
    reason: str | None

    @property
    def untranslated(self) -> str:
        """The code without comments; Python code also without string literals."""
        texts = "|'.*?'" if self.language == "python" else ""
        return re.sub(f"{_COMMENT.pattern}{texts}", "", self.text, flags=re.M)

    @property
    def commands(self) -> Iterator[Command]:
        """The commands in their order; a block of Python is one command."""
        if self.language == "python":
            yield Command(self.place, self.language, self.text, self.reason)
        if self.language != "bash":
            return
        joined = re.sub(r"\\\n\s*|(?<=&&)\n", " ", self.text)
        for line in joined.splitlines():
            mark = _MARK.search(line)
            text = _COMMENT.sub("", line)
            if text:
                yield Command(self.place, self.language, text, mark[1] if mark else self.reason)


@dataclass(frozen=True)
class Command:
    """A command of a page: one line for the shell, or a Python program.

    Attributes:
        place, language, text, reason: see :class:`Block`; ``text`` is without comments in bash.
    """

    place: str
    language: str
    text: str
    reason: str | None


def pages(root: Path) -> list[str]:
    """The pages in English, relative to the checkout."""
    found = [root / "README.md", *root.glob("docs/*.md"), *root.glob("docs/tutorials/*.md")]
    return sorted(page.relative_to(root).as_posix() for page in found)


def blocks(page: Path) -> list[Block]:
    """The fenced and the indented blocks of code of a page; the language of the latter is empty."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    found = []
    for number, token in enumerate(tokens):
        if token.type in ("fence", "code_block"):
            after = tokens[number + 1 : number + 3]
            under = after[1].content if [t.type for t in after[:1]] == ["paragraph_open"] else ""
            mark = _MARK.fullmatch(under)
            place = f"{page.name}, line {token.map[0] + 1}"
            found.append(Block(place, token.info.strip(), token.content, mark and mark[1]))
    return found


def commands(page: Path) -> list[Command]:
    """All commands of a page."""
    return [command for block in blocks(page) for command in block.commands]
