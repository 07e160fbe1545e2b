"""From a picture to a restored picture: tiles, backends and the cache of exported networks."""

from .cache import Cache
from .model import Model, file_identity
from .restorer import Restorer

__all__ = ["Cache", "Model", "Restorer", "file_identity"]
