"""Before/after views of results in a notebook."""

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
# Maximum pixels of a slider's longer side; small because the notebook stores the pictures.
_LONGEST = 1200
_MOST = 12  # sliders shown for a list


def before_and_after(result: Result, longest: int | None = None) -> tuple[Image.Image, Image.Image]:
    """Copies of a picture and of its result for display, both in the result's size.

    Args:
        result: of a picture that this run or an earlier one restored.
        longest: maximum length of the longer side in pixels; None keeps the full size.

    Raises:
        ImageError: a file has changed, and can no longer be read.
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
    """Read the picture of a result again.

    Raises:
        ImageError: a file has changed, and can no longer be read.
    """
    assert result.origin is not None  # every result of a predictor has one
    return result.origin.read(_READER, isolated=False)  # it was read before


def result_html(result: Result) -> str:
    """HTML with a before/after slider, or with the reason why there is none."""
    return slider_style() + _slider(result)


def results_html(results: Sequence[Result]) -> str:
    """HTML with a slider for each of the first results, and the number of the others."""
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
