"""Restores pictures of any size: tiles, backends and a cache of exported networks."""

from .cache import Cache
from .model import Model, file_identity, load_model
from .options import InferenceOptions
from .picture import TileUse
from .planning import TilePlan
from .pool import RestorerPool
from .restorer import Restorer
from .tiling import Crop

__all__ = [
    "Cache", "Crop", "InferenceOptions", "Model", "Restorer", "RestorerPool", "TilePlan",
    "TileUse", "file_identity", "load_model",
]  # fmt: skip
