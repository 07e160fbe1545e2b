"""The documentation site: pip install '.[docs]' && python -m sphinx -W docs site

The built site opens from disk, and its pages load nothing from other hosts.
"""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version
from typing import Any

project = "ppgan_mpr"
author = "the ppgan_mpr maintainers"
version = release = installed_version("ppgan_mpr")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False
exclude_patterns = ["_build"]
nitpicky = False
myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]  # images with a width are HTML
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+[A-Z][^)]*\)")
_CODE = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)
_WIDE = r"[\u2018-\u201d\u2026\u3001-\u30ff\u4e00-\u9fff\uff01-\uff60]"
# A break between wide characters, or after wide punctuation unless a list or a code block follows.
_BREAK = re.compile(
    rf"(?<={_WIDE})\n *(?={_WIDE})|(?<=[，。、；：）])\n *(?=[\w`\[](?![`.]|\d+\.))"
)


def _without_links_to_the_repository(app: Any, name: str, source: list[str]) -> None:
    """In the repository such a link opens a file; the site has no page for it."""
    source[0] = _OUTSIDE.sub(r"\1", source[0])


def _without_breaks_in_chinese(app: Any, name: str, source: list[str]) -> None:
    """Join the lines of Chinese paragraphs: browsers show a line break as a space."""
    if name.startswith("zh/"):
        parts = _CODE.split(source[0])
        parts[::2] = [_BREAK.sub("", part) for part in parts[::2]]
        source[0] = "".join(parts)


def _language_of_the_page(
    app: Any, name: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Chinese pages get ``<html lang="zh-CN">``."""
    if name.startswith("zh/"):
        context["language"] = "zh-CN"


def setup(app: Any) -> None:
    """Register what changes the sources and the pages."""
    app.connect("source-read", _without_links_to_the_repository)
    app.connect("source-read", _without_breaks_in_chinese)
    app.connect("html-page-context", _language_of_the_page)
