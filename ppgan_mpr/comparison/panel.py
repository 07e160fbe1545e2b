"""Comparison panels: the pictures side by side, and below them one detail magnified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .detail import most_changed
from .pictures import same_size

_WIDTH = 640  # of a picture in the panel, in pixels
_DETAIL = 96  # side of the detail, in pixels of the photo
_MARGIN = 12
_BACKGROUND, _TEXT, _FRAME = (24, 24, 24), (235, 235, 235), (255, 200, 0)


@dataclass(frozen=True)
class Column:
    """One picture of a panel.

    Attributes:
        title: such as ``'after'``.
        picture: RGB, at the photo's full size.
        note: a second line, such as scores.
    """

    title: str
    picture: Image.Image
    note: str = ""


def comparison_panel(columns: Sequence[Column]) -> Image.Image:
    """Draw pictures side by side, and below each the same detail magnified.

    The detail is the square in which the first two pictures differ most; a frame shows its place.

    Args:
        columns: at least two; the second one's size counts, and the others are brought to it.

    Returns:
        An RGB picture with the second one's colour profile in ``info``.
    """
    size = columns[1].picture.size
    pictures = [same_size(column.picture, size) for column in columns]
    side = min(_DETAIL, *size)
    left, top = most_changed(pictures[0], pictures[1], side)
    box = (left, top, left + side, top + side)

    scale = _WIDTH / size[0]
    shown = _WIDTH, max(1, round(size[1] * scale))
    smooth = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
    font = ImageFont.load_default(size=18)
    line = 26
    heading = line * (2 if any(column.note for column in columns) else 1) + _MARGIN
    height = heading + shown[1] + _MARGIN + _WIDTH + _MARGIN
    width = len(columns) * (_WIDTH + _MARGIN) + _MARGIN
    panel = Image.new("RGB", (width, height), _BACKGROUND)
    draw = ImageDraw.Draw(panel)
    for number, (column, picture) in enumerate(zip(columns, pictures)):
        x = _MARGIN + number * (_WIDTH + _MARGIN)
        draw.text((x, _MARGIN // 2), column.title, fill=_TEXT, font=font)
        draw.text((x, _MARGIN // 2 + line), column.note, fill=_TEXT, font=font)
        panel.paste(picture.resize(shown, smooth), (x, heading))
        frame = [x + round(box[0] * scale), heading + round(box[1] * scale)]
        frame += [x + round(box[2] * scale), heading + round(box[3] * scale)]
        draw.rectangle(frame, outline=_FRAME, width=2)
        detail = picture.crop(box).resize((_WIDTH, _WIDTH), Image.Resampling.NEAREST)
        panel.paste(detail, (x, heading + shown[1] + _MARGIN))
    profile = columns[1].picture.info.get("icc_profile")
    if profile:
        panel.info["icc_profile"] = profile
    return panel
