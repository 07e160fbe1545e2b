"""How results look in a notebook, and the pictures for it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PIL import Image

from ..comparison.html import slider, slider_style
from ..comparison.pictures import data_url, display_copy, same_size
from ..errors import RestorationError
from ..imaging import Photo, PhotoReader, read_photo
from .result import Result
from .sources import Source

_READER = PhotoReader()
_LONGEST = 1200  # pixels of a slider's longer side; a notebook keeps its pictures in itself
_MOST = 12  # sliders shown of a list


def before_and_after(result: Result, longest: int | None = None) -> tuple[Image.Image, Image.Image]:
    """Display copies of what was given and of its result, in the result's size.

    Args:
        result: of a picture that was restored, or that an earlier run restored.
        longest: most pixels of the longer side; None keeps the full size.

    Raises:
        ImageError: a file has changed, and cannot be read any more.
    """
    assert result.origin is not None and result.ok
    if result.image is not None:
        restored = Source("", "", picture=result.image).read(_READER)
    else:
        assert result.output is not None  # there is an image or a file
        restored = read_photo(result.output)
    after = display_copy(restored, longest)
    return same_size(display_copy(read_origin(result), longest), after.size), after


def read_origin(result: Result) -> Photo:
    """What was given, once more.

    Raises:
        ImageError: a file has changed, and cannot be read any more.
    """
    assert result.origin is not None  # every result of a predictor has one
    return result.origin.read(_READER, isolated=False)  # it was read before


def result_html(result: Result) -> str:
    """A before/after slider, or why there is none."""
    return slider_style() + _slider(result)


def results_html(results: Sequence[Result]) -> str:
    """A slider for each of the first results, and what the others are."""
    parts = [f"<p>{_slider(result)}</p>" for result in results[:_MOST]]
    left = len(results) - _MOST
    if left > 0:
        parts.append(f"<p>and {left} more: show one by <code>results[{_MOST}]</code></p>")
    return slider_style() + "".join(parts)


def _slider(result: Result) -> str:
    name = escape(result.source)
    if not result.ok or result.origin is None:
        return f"<p>{name}: {escape(result.error or repr(result))}</p>"
    if result.left_alone:
        found = result.record.detected["degradation"]
        if found:
            found = f"{'perhaps ' if result.doubtful else ''}{found}, left alone"
            found = "; ".join((found, *result.record.warnings))
        return f"<p>{name}: {escape(found) or 'nothing to restore'}</p>"
    try:
        before, after = before_and_after(result, _LONGEST)
    except (RestorationError, OSError) as error:
        return f"<p>{name}: {escape(str(error))}</p>"
    caption = f"<br>{name}"
    return slider(data_url(before), data_url(after), result.source, after.size) + caption
