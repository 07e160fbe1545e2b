import re
from html.parser import HTMLParser

from ppgan_mpr.comparison.html import Entry, gallery_page, slider


class Page(HTMLParser):
    """What a page loads, and whether its elements are closed."""

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
    entries = [Entry("a.png", "a_before.jpg", "a_after.jpg", "../a.png", (4, 3), "4 x 3")]
    text = gallery_page([*entries, Entry("b.png", note="cannot be read")], "Before and after")
    page = Page(text)
    assert not page.open
    assert sorted(page.addresses) == ["../a.png", "a_after.jpg", "a_before.jpg"]
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert "cannot be read" in text


def test_names_cannot_write_html():
    text = gallery_page([Entry('<script>"x".png', "a", "b", 'c"d', note="<b>")], "<i>")
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text
    assert {tag for tag, _ in Page(text).tags}.isdisjoint({"script", "b", "i"})


def test_a_slider_can_be_moved_by_keys_and_read_aloud():
    tags = dict(Page(slider("before.jpg", "after.jpg", "cat")).tags)
    assert tags["input"]["type"] == "range"
    assert "cat" in tags["input"]["aria-label"] and "cat" in tags["img"]["alt"]
