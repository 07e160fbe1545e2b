"""Before/after sliders and galleries in HTML that load nothing from any other place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

_STYLE = """
.ba{position:relative;display:inline-block;max-width:100%;line-height:0;--x:50%}
.ba img{display:block;max-width:100%;height:auto;user-select:none}
.ba .before{position:absolute;inset:0;width:100%;height:100%;
  clip-path:inset(0 calc(100% - var(--x)) 0 0)}
.ba .line{position:absolute;top:0;bottom:0;left:var(--x);width:2px;margin-left:-1px;
  background:#fff;box-shadow:0 0 3px #000;pointer-events:none}
.ba input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize;
  touch-action:pan-y}
.ba input:focus-visible~.line{width:4px;background:#ffc800}
"""

# Works in notebooks too, where scripts of their own do not run in every viewer.
_MOVE = "this.parentNode.style.setProperty('--x',this.value+'%')"

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1640px;padding:1rem}
h1{font-size:1.3rem}
figure{margin:0 0 2.5rem}
figcaption{margin-top:.4rem}
.failed{color:#b00020}
@media (prefers-color-scheme:dark){.failed{color:#ff8a80}}
"""


@dataclass(frozen=True)
class Entry:
    """One picture of a gallery.

    Attributes:
        name: of the picture.
        before, after: URLs of display copies; empty where there is no result.
        result: URL of the restored file at full size; may be empty.
        size: width and height of the display copies in pixels.
        note: size, seconds, scores, or why there is no result.
    """

    name: str
    before: str = ""
    after: str = ""
    result: str = ""
    size: tuple[int, int] | None = None
    note: str = ""


def slider(before: str, after: str, name: str, size: tuple[int, int] | None = None) -> str:
    """A slider that uncovers one picture over another, by mouse, finger or arrow keys.

    Args:
        before, after: URLs of two pictures of one size.
        name: for people who cannot see them.
        size: width and height in pixels, so that a page does not move while it loads.

    Returns:
        HTML that needs :func:`slider_style` once in its page.
    """
    sides = f' width="{size[0]}" height="{size[1]}"' if size else ""
    label = escape(name, quote=True)
    return (
        f'<div class="ba"><img src="{escape(after)}" alt="{label}, after"{sides} loading="lazy">'
        f'<img class="before" src="{escape(before)}" alt="{label}, before" loading="lazy">'
        f'<input type="range" min="0" max="100" step="0.5" value="50" oninput="{_MOVE}" '
        f'aria-label="{label}: before and after"><span class="line"></span></div>'
    )


def slider_style() -> str:
    """The style sheet of sliders."""
    return f"<style>{_STYLE}</style>"


def gallery_page(entries: Iterable[Entry], title: str) -> str:
    """A web page with a slider for each picture, complete in itself but for the pictures.

    Args:
        entries: in order.
        title: of the page.

    Returns:
        An HTML document that opens from disk.
    """
    figures = "\n".join(_figure(entry) for entry in entries)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{_PAGE_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{figures}\n</body>\n</html>\n"
    )


def _figure(entry: Entry) -> str:
    name = escape(entry.name)
    if not entry.after:
        caption = f'{name}: <span class="failed">{escape(entry.note)}</span>'
        return f"<figure><figcaption>{caption}</figcaption></figure>"
    link = f'<a href="{escape(entry.result, quote=True)}">{name}</a>' if entry.result else name
    return (
        f"<figure>{slider(entry.before, entry.after, entry.name, entry.size)}"
        f"<figcaption>{link} {escape(entry.note)}</figcaption></figure>"
    )
