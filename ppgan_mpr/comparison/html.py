"""Before/after sliders and galleries in HTML that load nothing from other sites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations

_STYLE = """
.ba{position:relative;display:inline-block;max-width:100%;line-height:0;--x:50%}
.ba img{display:block;max-width:100%;height:auto;user-select:none}
.ba .left{position:absolute;inset:0;width:100%;height:100%;
  clip-path:inset(0 calc(100% - var(--x)) 0 0)}
.ba .line{position:absolute;top:0;bottom:0;left:var(--x);width:2px;margin-left:-1px;
  background:#fff;box-shadow:0 0 3px #000;pointer-events:none}
.ba .tag{position:absolute;top:0;padding:.1em .5em;background:#000a;color:#fff;
  font:13px/1.5 system-ui,sans-serif;pointer-events:none}
.ba .tag.of-left{left:0}
.ba .tag.of-right{right:0}
.ba input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize;
  touch-action:pan-y}
.ba input:focus-visible~.line{width:4px;background:#ffc800}
"""

# Inline, as not every notebook viewer runs separate scripts.
_MOVE = "this.parentNode.style.setProperty('--x',this.value+'%')"

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1640px;padding:1rem}
h1{font-size:1.3rem}
figure{margin:0 0 2.5rem}
figcaption{margin-top:.4rem}
fieldset{border:0;margin:.4rem 0 0;padding:0}
label{margin-right:1rem}
.detail{max-width:100%;margin-top:.4rem}
.detail img{display:block;width:100%;image-rendering:pixelated}
.detail div{display:grid;grid-auto-flow:column;grid-auto-columns:1fr}
.failed{color:#b00020}
@media (prefers-color-scheme:dark){.failed{color:#ff8a80}}
"""

# Shows the chosen two of an entry's pictures in its slider.
_SCRIPT = """
function pick(choice){
  const slider=choice.closest('figure').querySelector('.ba'),d=choice.dataset;
  for(const side of ['left','right']){
    const title=d[side+'Title'],picture=slider.querySelector('img.'+side);
    picture.src=d[side];
    picture.alt=d.name+', '+title;
    slider.querySelector('.of-'+side).textContent=title;
  }
  slider.querySelector('input').setAttribute('aria-label',
    d.name+': '+d.leftTitle+' and '+d.rightTitle);
}
"""
_DETAIL = 320  # CSS pixels of one magnified detail


@dataclass(frozen=True)
class Shown:
    """One picture of an entry.

    Attributes:
        title: such as ``'before'``.
        url: address of a display copy.
        note: such as scores.
    """

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """One photo of a gallery.

    Attributes:
        name: name of the photo.
        pictures: at least two, of the same size; empty if there is no result. A slider shows the
            first two, and other pairs on demand.
        detail: URL of a picture with the same detail of each, side by side; may be empty.
        result: URL of the restored file at full size; may be empty.
        size: width and height of the display copies in pixels.
        note: such as the size, or why there is no result.
    """

    name: str
    pictures: tuple[Shown, ...] = ()
    detail: str = ""
    result: str = ""
    size: tuple[int, int] | None = None
    note: str = ""


def slider(
    before: str,
    after: str,
    name: str,
    size: tuple[int, int] | None = None,
    titles: tuple[str, str] = ("before", "after"),
) -> str:
    """A slider that reveals one picture over another, by mouse, finger or arrow keys.

    Args:
        before, after: URLs of two pictures of the same size.
        name: for screen readers.
        size: width and height in pixels, so that the page layout does not shift while loading.
        titles: of the two pictures.

    Returns:
        HTML that needs :func:`slider_style` once in its page.
    """
    sides = f' width="{size[0]}" height="{size[1]}"' if size else ""
    left, right = (escape(title) for title in titles)
    label = escape(name)
    return (
        f'<div class="ba"><img class="right" src="{escape(after)}" alt="{label}, {right}"{sides} '
        f'loading="lazy"><img class="left" src="{escape(before)}" alt="{label}, {left}" '
        f'loading="lazy"><input type="range" min="0" max="100" step="0.5" value="50" '
        f'oninput="{_MOVE}" aria-label="{label}: {left} and {right}"><span class="line"></span>'
        f'<span class="tag of-left">{left}</span><span class="tag of-right">{right}</span></div>'
    )


def slider_style() -> str:
    """The style sheet of sliders."""
    return f"<style>{_STYLE}</style>"


def gallery_page(entries: Iterable[Entry], title: str, remarks: Sequence[str] = ()) -> str:
    """A web page with a slider for each photo; it loads nothing but the pictures.

    Args:
        entries: in order.
        title: of the page.
        remarks: paragraphs below the title.

    Returns:
        An HTML document that can be opened from disk.
    """
    figures = "\n".join(_figure(entry, number) for number, entry in enumerate(entries))
    paragraphs = "".join(f"<p>{escape(remark)}</p>\n" for remark in remarks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{_PAGE_STYLE}</style>\n"
        f"<script>{_SCRIPT}</script>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{paragraphs}{figures}\n</body>\n</html>\n"
    )


def _figure(entry: Entry, number: int) -> str:
    name = escape(entry.name)
    if not entry.pictures:
        caption = f'{name}: <span class="failed">{escape(entry.note)}</span>'
        return f"<figure><figcaption>{caption}</figcaption></figure>"
    left, right, *others = entry.pictures
    titles = left.title, right.title
    link = f'<a href="{escape(entry.result)}">{name}</a>' if entry.result else name
    return (
        f"<figure>{slider(left.url, right.url, entry.name, entry.size, titles)}"
        f"{_pairs(entry, number) if others else ''}{_detail(entry)}"
        f"<figcaption>{link} {escape(entry.note)}</figcaption></figure>"
    )


def _pairs(entry: Entry, number: int) -> str:
    """Radio buttons that choose which two pictures the slider shows."""
    buttons: list[str] = []
    for left, right in combinations(entry.pictures, 2):
        data = {"name": entry.name, "left": left.url, "right": right.url,
                "left-title": left.title, "right-title": right.title}  # fmt: skip
        attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
        chosen = "" if buttons else " checked"
        buttons.append(
            f'<label><input type="radio" name="pair{number}"{attributes} '
            f'onchange="pick(this)" autocomplete="off"{chosen}> '
            f"{escape(left.title)} | {escape(right.title)}</label>"
        )
    return f'<fieldset aria-label="{escape(entry.name)}: pictures">{"".join(buttons)}</fieldset>'


def _detail(entry: Entry) -> str:
    """The magnified details, each with its picture's title below."""
    if not entry.detail:
        return ""
    titles = [picture.title for picture in entry.pictures]
    notes = "".join(
        f"<span>{escape(f'{picture.title}: {picture.note}' if picture.note else picture.title)}"
        "</span>"
        for picture in entry.pictures
    )
    label = escape(f"{entry.name}, a detail magnified: {', '.join(titles)}")
    return (
        f'<div class="detail" style="width:{_DETAIL * len(titles)}px">'
        f'<img src="{escape(entry.detail)}" alt="{label}" loading="lazy"><div>{notes}</div></div>'
    )
