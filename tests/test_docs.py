"""The pages of docs/: they build, match the program, and agree with their translations."""

import os
import re
import subprocess
import sys

import pytest
from documented_commands import blocks


def test_page_of_options_is_up_to_date(root, tmp_path):
    page = tmp_path / "options.md"
    tool = root / "tools" / "document_options.py"
    subprocess.run([sys.executable, str(tool), str(page)], check=True)
    written = (root / "docs" / "options.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == written, "run tools/document_options.py"


def translated(root):
    """The pages that exist in Chinese, relative to docs/ and to docs/zh/."""
    folder = root / "docs" / "zh"
    return sorted(page.relative_to(folder).as_posix() for page in folder.rglob("*.md"))


def structure(page):
    """What a page shares with its translation.

    These are its code, which commands are marked as not run, the marks of its headings, and its
    number of rows in tables.
    """
    lines = prose(page).splitlines()
    found = [block for block in blocks(page) if not block.language.startswith("{")]
    return {
        "code": [(block.language, block.untranslated) for block in found],
        "not run": [command.reason is not None for block in found for command in block.commands],
        "headings": [line.split()[0] for line in lines if line.startswith("#")],
        "rows of tables": sum(line.startswith("|") for line in lines),
    }


def test_chinese_pages_have_the_sections_commands_and_tables_of_the_english_ones(root):
    pages = [name for name in translated(root) if name != "reference.md"]
    assert {"index.md", "restoring.md", "faq.md", "gallery.md", "tutorials/mprnet.md"} <= set(pages)
    for name in pages:
        english, chinese = (structure(root / "docs" / part / name) for part in ("", "zh"))
        assert english == chinese, name


def prose(page):
    """The text of a page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_readmes_have_the_same_sections_tables_and_links(root):
    english, chinese = (prose(root / name) for name in ("README.md", "README_cn.md"))

    def shape(text):
        lines = text.splitlines()
        return [line.split()[0] for line in lines if line.startswith("#")], sum(
            line.startswith("|") for line in lines
        )

    def links(text):  # the translation links to translated pages and sections
        targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
        return {target.replace("docs/zh/", "docs/") for target in targets if "README" not in target}

    assert shape(english) == shape(chinese)
    assert links(english) == links(chinese)


def test_chinese_pages_link_to_chinese_pages_where_there_are_any(root):
    docs = root / "docs"
    pages = [docs / "zh" / name for name in translated(root) if name != "reference.md"]
    for page in [root / "README_cn.md", *pages]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
            english = (page.parent / target).resolve()
            if docs in english.parents and docs / "zh" not in english.parents:
                chinese = docs / "zh" / english.relative_to(docs)
                assert not chinese.exists(), f"{page.name}: link to {chinese.name} in Chinese"


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    """The built site; a warning of the build counts as an error."""
    for module in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(root / "docs"), folder],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_site_has_every_page(root, site):
    for page in (root / "docs").rglob("*.md"):
        assert (site / page.relative_to(root / "docs").with_suffix(".html")).is_file(), page
    reference = (site / "reference.html").read_text(encoding="utf-8")
    assert "Restore one picture and return it." in reference


def test_pages_of_the_site_state_their_language(site):
    for page in site.rglob("*.html"):
        language = re.search(r'<html[^>]*\slang="([^"]+)"', page.read_text(encoding="utf-8"))[1]
        assert language == ("zh-CN" if site / "zh" in page.parents else "en"), page


def test_lines_of_chinese_paragraphs_are_joined_without_spaces(site):
    for page in (site / "zh").rglob("*.html"):
        breaks = re.findall(r"[，。、；：一-龥]\n[一-龥]", page.read_text(encoding="utf-8"))
        assert not breaks, page.name


def test_site_has_every_image_of_its_pages(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for source in re.findall(r'<img[^>]*\ssrc="(?!data:)([^"]+)"', text):
            assert (page.parent / source).is_file(), f"{page.name}: {source}"


def test_site_loads_nothing_from_other_hosts(site):
    loading = re.compile(
        r"""<(?:script|img|iframe|source)[^>]*\ssrc="(?:https?:)?//"""
        r"""|<link[^>]*\shref="(?:https?:)?//|@import\s+["']?(?:url\()?["']?https?:"""
        r"""|url\(["']?(?:https?:)?//"""
    )
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not loading.search(page.read_text(encoding="utf-8")), page
