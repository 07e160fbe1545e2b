"""Comparison panels: pictures side by side, with one magnified detail of each below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image, ImageDraw, ImageFont

from .detail import detail_box
from .pictures import same_size

_WIDTH = 640  # of a picture in the panel, in pixels
_MARGIN = 12
_BACKGROUND, _TEXT, _FRAME = (24, 24, 24), (235, 235, 235), (255, 200, 0)


@dataclass(frozen=True)
class Column:
    """One picture of a comparison.

    Attributes:
        title: such as ``'after'``.
        picture: RGB, at the photo's full size.
        note: a second line, such as scores.
    """

    title: str
    picture: Image.Image
    note: str = ""


class Comparison:
    """Pictures of one scene, and the detail in which the first two differ most.

    Args:
        columns: at least two; all are resized to the size of the second.

    Attributes:
        columns: all of the same size.
    """

    def __init__(self, columns: Sequence[Column]):
        size = columns[1].picture.size
        self.columns = tuple(
            replace(column, picture=same_size(column.picture, size)) for column in columns
        )

    @cached_property
    def _box(self) -> tuple[int, int, int, int]:
        return detail_box(self.columns[0].picture, self.columns[1].picture)

    def panel(self) -> Image.Image:
        """The pictures side by side, each with a framed detail that is magnified below it.

        Returns:
            An RGB picture with the second picture's colour profile in ``info``.
        """
        box, size = self._box, self.columns[1].picture.size
        scale = _WIDTH / size[0]
        shown = _WIDTH, max(1, round(size[1] * scale))
        smooth = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
        font = ImageFont.load_default(size=18)
        line = 26
        heading = line * (2 if any(column.note for column in self.columns) else 1) + _MARGIN
        height = heading + shown[1] + _MARGIN + _WIDTH + _MARGIN
        width = len(self.columns) * (_WIDTH + _MARGIN) + _MARGIN
        panel = Image.new("RGB", (width, height), _BACKGROUND)
        draw = ImageDraw.Draw(panel)
        for number, column in enumerate(self.columns):
            x = _MARGIN + number * (_WIDTH + _MARGIN)
            draw.text((x, _MARGIN // 2), column.title, fill=_TEXT, font=font)
            draw.text((x, _MARGIN // 2 + line), column.note, fill=_TEXT, font=font)
            panel.paste(column.picture.resize(shown, smooth), (x, heading))
            frame = [x + round(box[0] * scale), heading + round(box[1] * scale)]
            frame += [x + round(box[2] * scale), heading + round(box[3] * scale)]
            draw.rectangle(frame, outline=_FRAME, width=2)
            detail = column.picture.crop(box).resize((_WIDTH, _WIDTH), Image.Resampling.NEAREST)
            panel.paste(detail, (x, heading + shown[1] + _MARGIN))
        return self._with_profile(panel)

    def details(self) -> Image.Image:
        """The detail of each picture side by side, not magnified.

        Returns:
            An RGB picture with the colour profile of :meth:`panel`; all details are equally wide.
        """
        left, top, right, bottom = self._box
        strip = Image.new("RGB", (len(self.columns) * (right - left), bottom - top))
        for number, column in enumerate(self.columns):
            strip.paste(column.picture.crop(self._box), (number * (right - left), 0))
        return self._with_profile(strip)

    def _with_profile(self, picture: Image.Image) -> Image.Image:
        profile = self.columns[1].picture.info.get("icc_profile")
        if profile:
            picture.info["icc_profile"] = profile
        return picture
