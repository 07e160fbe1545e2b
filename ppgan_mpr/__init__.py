"""Photo restoration with MPRNet on PaddlePaddle.

Importing the package is cheap: PaddlePaddle, OpenCV and the rest are imported when a
photo is really restored.

Example:
    >>> from ppgan_mpr import MPRPredictor                       # doctest: +SKIP
    >>> MPRPredictor(task='Deblurring').run('photo.jpg')         # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .apps import MPRPredictor

__all__ = ["MPRPredictor", "__version__"]


def __getattr__(name: str):
    if name == "MPRPredictor":
        from .apps import MPRPredictor

        return MPRPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
