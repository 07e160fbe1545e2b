"""Selects the parts of a photo to measure, so that large photos take no longer than small ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..dependencies import require
from ..imaging import Photo

#: Side of a crop in pixels; also that of the smallest pictures that the classifier is fitted on
#: (``SIZES`` in ``tools/fit_detection.py``).
SIDE = 256
#: Maximum number of crops of one photo.
COUNT = 8
_SMALLEST = 96
_OVERVIEW = 256


def crops_of(photo: Photo) -> list[np.ndarray]:
    """Up to 8 crops of a photo, to be measured.

    Of a large photo, half of the crops are evenly spread. The others have the most structure.

    Args:
        photo: of any size; a small one is mirrored at its borders to 96 pixels.

    Returns:
        1 to 8 crops [h, w, 3] float32 in [0, 1], all of the same size of at most 256 x 256.
    """
    height, width = photo.pixels.shape[:2]
    side = min(SIDE, max(_SMALLEST, min(height, width) // 16 * 16))
    places = _places(height, width, side)
    if len(places) > COUNT:
        # Half are chosen by place, the others by structure.
        spread = [photo.pixels[y : y + side : 2, x : x + side : 2].std() for y, x in places]
        fixed = places[:: max(1, -(-2 * len(places) // COUNT))]
        others = sorted(
            (place for place in places if place not in fixed),
            key=lambda place: -spread[places.index(place)],
        )
        places = fixed + others[: COUNT - len(fixed)]
    return [_float(photo, y, x, side) for y, x in places]


def overview_of(photo: Photo) -> np.ndarray:
    """The whole photo, reduced to less than 512 pixels per side, [h, w, 3] float32 in [0, 1]."""
    step = max(1, max(photo.pixels.shape[:2]) // _OVERVIEW)
    return replace(photo, pixels=photo.pixels[::step, ::step], alpha=None).to_float()


def _places(height: int, width: int, side: int) -> list[tuple[int, int]]:
    """The top left corners of a grid of at most twice ``COUNT`` crops, at multiples of 8."""
    rows, columns = (max(1, -(-(length - side // 8) // side)) for length in (height, width))
    while rows * columns > 2 * COUNT:
        if columns == 1 or (rows > 1 and rows * width > columns * height):
            rows -= 1
        else:
            columns -= 1
    return [(y, x) for y in _spaced(height, side, rows) for x in _spaced(width, side, columns)]


def _spaced(length: int, side: int, count: int) -> list[int]:
    room = max(0, length - side)
    starts = [room / 2] if count == 1 else [room * n / (count - 1) for n in range(count)]
    return [int(start) // 8 * 8 for start in starts]


def _float(photo: Photo, y: int, x: int, side: int) -> np.ndarray:
    part = photo.pixels[y : y + side, x : x + side]
    crop = replace(photo, pixels=part, alpha=None).to_float()
    missing = [max(0, side - length) for length in crop.shape[:2]]
    if any(missing):
        cv2 = require("cv2")
        while any(missing):  # a reflection cannot be longer than its source
            step = [min(gap, max(1, length)) for gap, length in zip(missing, crop.shape[:2])]
            crop = cv2.copyMakeBorder(crop, 0, step[0], 0, step[1], cv2.BORDER_REFLECT)
            missing = [max(0, side - length) for length in crop.shape[:2]]
    return np.ascontiguousarray(crop)
