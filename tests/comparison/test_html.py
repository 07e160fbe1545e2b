import re
from html.parser import HTMLParser

from ppgan_mpr.comparison.html import Entry, Shown, gallery_page, slider


class Page(HTMLParser):
    """A parser that notes what a page loads and whether its elements are closed."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.open, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "input", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_gallery_loads_its_pictures_and_nothing_else():
    pictures = Shown("before", "a_before.jpg"), Shown("after", "a_after.jpg", "31 dB")
    entries = [Entry("a.png", pictures, "a_detail.png", "../a.png", (4, 3), "4 x 3")]
    text = gallery_page([*entries, Entry("b.png", note="cannot be read")], "Before and after")
    page = Page(text)
    assert not page.open
    assert sorted(page.addresses) == ["../a.png", "a_after.jpg", "a_before.jpg", "a_detail.png"]
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert "cannot be read" in text and "after: 31 dB" in text


def test_names_cannot_write_html():
    bad = '"><b>'
    pictures = tuple(Shown(bad, bad, bad) for _ in range(3))
    text = gallery_page([Entry(bad, pictures, bad, bad, note=bad)], bad, [bad])
    page = Page(text)
    assert not page.open and "<b>" not in text
    assert "b" not in {tag for tag, _ in page.tags}


def test_a_slider_can_be_moved_by_keys_and_read_aloud():
    tags = dict(Page(slider("before.jpg", "after.jpg", "cat")).tags)
    assert tags["input"]["type"] == "range"
    assert tags["input"]["aria-label"] == "cat: before and after"
    assert tags["img"]["alt"] == "cat, before"
