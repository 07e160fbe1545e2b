"""From a picture to a restored picture: padding and the backends that run the networks."""

from .restore import pad_to_multiple, restore

__all__ = ["pad_to_multiple", "restore"]
