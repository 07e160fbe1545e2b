"""The restoration networks, one a file."""

from .mprnet import MPRNet

__all__ = ["MPRNet"]
