"""Restoration of pictures of any size: tiles, backends and a cache of exported networks."""

from .cache import Cache
from .model import Model, file_identity, load_model
from .options import InferenceOptions
from .pool import RestorerPool
from .restorer import Restorer, TileUse
from .tiling import Crop

__all__ = [
    "Cache", "Crop", "InferenceOptions", "Model", "Restorer", "RestorerPool", "TileUse",
    "file_identity", "load_model",
]  # fmt: skip
