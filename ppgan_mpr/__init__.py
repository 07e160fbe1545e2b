"""Photo restoration with MPRNet, MIRNet and MIRNet-v2 on PaddlePaddle.

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
    from .apps import MIRNetPredictor, MPRPredictor

__all__ = ["MIRNetPredictor", "MPRPredictor", "__version__"]


def __getattr__(name: str):
    if name in ("MIRNetPredictor", "MPRPredictor"):
        from . import apps

        return getattr(apps, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
